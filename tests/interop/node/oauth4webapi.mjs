// oauth4webapi, as its documentation shows it: every answer is validated by the function that is made for it.
import * as oauth from "oauth4webapi";
import { Person, tell } from "./person.mjs";

const { ISSUER, REDIRECT_URI } = process.env;
const http = { [oauth.allowInsecureRequests]: true };

const discovered = async (algorithm) => {
  const issuer = new URL(ISSUER);
  const answer = await oauth.discoveryRequest(issuer, { ...http, algorithm });
  return oauth.processDiscoveryResponse(issuer, answer);
};

// RFC 7591. What was registered, as the server answers it.
const registered = async (as, metadata) => {
  const answer = await oauth.dynamicClientRegistrationRequest(
    as,
    { redirect_uris: [REDIRECT_URI], grant_types: ["authorization_code", "refresh_token"], ...metadata },
    http,
  );
  return oauth.processDynamicClientRegistrationResponse(answer);
};

const signedIn = async (as, client, authentication, { push = false, ...more } = {}) => {
  const [verifier, nonce, state] = [
    oauth.generateRandomCodeVerifier(),
    oauth.generateRandomNonce(),
    oauth.generateRandomState(),
  ];
  let parameters = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: REDIRECT_URI,
    response_type: "code",
    scope: "openid profile email phone offline_access",
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    nonce,
    state,
    ...more,
  });
  if (push) {
    const answer = await oauth.pushedAuthorizationRequest(as, client, authentication, parameters, http);
    const { request_uri } = await oauth.processPushedAuthorizationResponse(as, client, answer);
    parameters = new URLSearchParams({ client_id: client.client_id, request_uri });
  }
  const url = new URL(as.authorization_endpoint);
  url.search = parameters.toString();
  const back = await new Person(ISSUER).walk(url);
  const said = oauth.validateAuthResponse(as, client, back, state); // with `iss` (RFC 9207)
  const answer = await oauth.authorizationCodeGrantRequest(
    as, client, authentication, said, REDIRECT_URI, verifier, http,
  );
  const signature = answer.clone();
  const tokens = await oauth.processAuthorizationCodeResponse(as, client, answer, {
    expectedNonce: nonce,
    requireIdToken: true,
    maxAge: 60,
  });
  await oauth.validateApplicationLevelSignature(as, answer, http);
  return { tokens, claims: oauth.getValidatedIdTokenClaims(tokens), answer: signature };
};

const refreshed = async (as, client, authentication, tokens) => {
  const answer = await oauth.refreshTokenGrantRequest(as, client, authentication, tokens.refresh_token, http);
  return oauth.processRefreshTokenResponse(as, client, answer);
};

const told = async (as, client, tokens, sub) => {
  const answer = await oauth.userInfoRequest(as, client, tokens.access_token, http);
  const type = answer.headers.get("content-type");
  const claims = await oauth.processUserInfoResponse(as, client, sub, answer);
  if (type.startsWith("application/jwt")) await oauth.validateApplicationLevelSignature(as, answer, http);
  return { type, claims };
};

// The client proves itself by a key; userinfo comes signed, pseudonyms in place of names (OpenID Connect Core §8).
const keys = async () => {
  const as = await discovered("oidc");
  const { publicKey, privateKey } = await oauth.generateKeyPair("ES256", { extractable: true });
  const jwk = { ...(await crypto.subtle.exportKey("jwk", publicKey)), kid: "one", use: "sig", alg: "ES256" };
  const client = await registered(as, {
    client_name: "By key",
    token_endpoint_auth_method: "private_key_jwt",
    token_endpoint_auth_signing_alg: "ES256",
    jwks: { keys: [jwk] },
    id_token_signed_response_alg: "ES256",
    userinfo_signed_response_alg: "ES256",
    subject_type: "pairwise",
  });
  const proof = oauth.PrivateKeyJwt({ key: privateKey, kid: "one" });
  const first = await signedIn(as, client, proof, { push: true, max_age: "60" });
  const info = await told(as, client, first.tokens, first.claims.sub);
  const second = await refreshed(as, client, proof, first.tokens);
  tell({ client, claims: first.claims, info, again: oauth.getValidatedIdTokenClaims(second).sub });
};

// A client with a secret of the server's making, found by RFC 8414.
const secret = async () => {
  const as = await discovered("oauth2");
  const client = await registered(as, { client_name: "By secret" });
  const proof = oauth.ClientSecretBasic(client.client_secret);
  const first = await signedIn(as, client, proof, {
    max_age: "60",
    claims: JSON.stringify({ id_token: { email: { essential: true } } }),
  });
  const info = await told(as, client, first.tokens, first.claims.sub);
  const asked = await oauth.introspectionRequest(as, client, proof, first.tokens.access_token, http);
  const active = await oauth.processIntrospectionResponse(as, client, asked);
  const revoked = await oauth.revocationRequest(as, client, proof, first.tokens.refresh_token, http);
  await oauth.processRevocationResponse(revoked);
  const gone = await refreshed(as, client, proof, first.tokens).catch((error) => error);
  tell({ claims: first.claims, info, active, gone: [gone.constructor.name, gone.error] });
};

// RFC 9068: an API that validates our access tokens by this library.
const api = async () => {
  const as = await discovered("oauth2");
  const client = await registered(as, { token_endpoint_auth_method: "none", client_name: "Public" });
  const { tokens } = await signedIn(as, client, oauth.None(), {
    max_age: "60",
    resource: process.env.RESOURCE,
    scope: "openid reports:read",
  });
  const request = (token) => new Request(process.env.RESOURCE, { headers: { authorization: `Bearer ${token}` } });
  const claims = await oauth.validateJwtAccessToken(as, request(tokens.access_token), process.env.RESOURCE, http);
  const refused = await oauth
    .validateJwtAccessToken(as, request(tokens.id_token), process.env.RESOURCE, http)
    .catch((error) => error);
  tell({ claims, refused: refused.constructor.name });
};

await { keys, secret, api }[process.argv[2]]();
