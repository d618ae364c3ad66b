// openid-client, as its documentation shows it. The issuer here has http, which it has to be told is meant.
import * as client from "openid-client";
import { Person, tell } from "./person.mjs";

const { ISSUER, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, SIGNED_OUT } = process.env;

const authentication = {
  post: () => client.ClientSecretPost(CLIENT_SECRET),
  basic: () => client.ClientSecretBasic(CLIENT_SECRET),
  none: () => client.None(),
};

const discovered = (method, metadata) =>
  client.discovery(new URL(ISSUER), CLIENT_ID, metadata, authentication[method](), {
    execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
  });

const begun = async (config, more = {}) => {
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const expectedNonce = client.randomNonce();
  const expectedState = client.randomState();
  const parameters = {
    redirect_uri: REDIRECT_URI,
    scope: "openid profile email offline_access",
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
    nonce: expectedNonce,
    state: expectedState,
    ...more,
  };
  return [parameters, { pkceCodeVerifier, expectedNonce, expectedState, idTokenExpected: true }];
};

// Everything there is, one after the other, for a client that authenticates in this way.
const all = async (method) => {
  const config = await discovered(method, { id_token_signed_response_alg: process.env.ALGORITHM });
  const person = new Person(ISSUER);
  const [parameters, checks] = await begun(config, { max_age: "300" });
  const url = client.buildAuthorizationUrl(config, parameters);
  const tokens = await client.authorizationCodeGrant(config, await person.walk(url), { ...checks, maxAge: 300 });
  const claims = tokens.claims();
  const told = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);

  const [again, others] = await begun(config, { prompt: "none" });
  const silent = await client.authorizationCodeGrant(
    config,
    await person.walk(client.buildAuthorizationUrl(config, again)),
    others,
  );

  const leaving = client.buildEndSessionUrl(config, {
    id_token_hint: silent.id_token,
    post_logout_redirect_uri: SIGNED_OUT,
    state: "left",
  });
  const left = await person.walk(leaving);
  const [late, unmet] = await begun(config, { prompt: "none" });
  const refusal = await client
    .authorizationCodeGrant(config, await person.walk(client.buildAuthorizationUrl(config, late)), unmet)
    .catch((error) => error);

  await client.tokenRevocation(config, refreshed.refresh_token);
  const gone = await client.refreshTokenGrant(config, refreshed.refresh_token).catch((error) => error);
  tell({
    pkce: config.serverMetadata().supportsPKCE(),
    claims,
    told,
    rotated: refreshed.refresh_token !== tokens.refresh_token,
    again: refreshed.claims().sub,
    silent: silent.claims().sid === claims.sid,
    pressed: person.saw,
    left: left.href,
    refusal: [refusal.constructor.name, refusal.error],
    gone: [gone.constructor.name, gone.error],
  });
};

// RFC 9126: nothing of the request goes through the browser.
const pushed = async (method) => {
  const config = await discovered(method);
  const person = new Person(ISSUER);
  const [parameters, checks] = await begun(config);
  const url = await client.buildAuthorizationUrlWithPAR(config, parameters);
  const tokens = await client.authorizationCodeGrant(config, await person.walk(url), checks);
  tell({ sent: [...url.searchParams.keys()].sort(), sub: tokens.claims().sub });
};

// The answer comes in a form that the browser posts.
const posted = async (method) => {
  const config = await discovered(method);
  const [parameters, checks] = await begun(config, { response_mode: "form_post" });
  const form = await new Person(ISSUER).walk(client.buildAuthorizationUrl(config, parameters));
  const request = new Request(form.action, { method: "POST", body: new URLSearchParams(form.fields) });
  const tokens = await client.authorizationCodeGrant(config, request, checks);
  tell({ action: form.action, sub: tokens.claims().sub });
};

// RFC 7591, RFC 8252: a native application makes itself known, and listens on a port that it was not registered with.
const native = async () => {
  const metadata = {
    client_name: "A native application",
    application_type: "native",
    redirect_uris: ["http://127.0.0.1/callback"],
    grant_types: ["authorization_code", "refresh_token"],
    token_endpoint_auth_method: "none",
  };
  const config = await client.dynamicClientRegistration(new URL(ISSUER), metadata, client.None(), {
    execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
  });
  const person = new Person(ISSUER);
  const [parameters, checks] = await begun(config, { redirect_uri: "http://127.0.0.1:51004/callback" });
  const url = client.buildAuthorizationUrl(config, parameters);
  const tokens = await client.authorizationCodeGrant(config, await person.walk(url), checks);
  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
  tell({ registered: config.clientMetadata(), sub: refreshed.claims().sub, pressed: person.saw });
};

const [scene, method] = process.argv.slice(2);
await { all, pushed, posted, native }[scene](method);
