"use strict";

// HTTP Basic with an empty client id and secret, which Swagger UI sends when both fields are left blank.
// To a token endpoint that is a failed client authentication, not an absent one (RFC 6749 §2.3.1).
const NO_CLIENT = "Basic " + btoa(":");

SwaggerUIBundle({
  dom_id: "#swagger-ui",
  url: "openapi.yaml",
  deepLinking: true,
  displayRequestDuration: true,
  persistAuthorization: false, // tokens stay in the memory of this page
  queryConfigEnabled: false, // "?url=" must not put a stranger's document on this origin
  validatorUrl: null, // no validation service elsewhere
  requestInterceptor: (request) => {
    // An operation is tried with the token given here, never with the cookies of a session on this origin.
    request.credentials = "omit";
    if (request.headers && request.headers.Authorization === NO_CLIENT) {
      delete request.headers.Authorization;
    }
    return request;
  },
});
