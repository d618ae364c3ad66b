// oidc-client-ts, which single-page apps have. Its stores are its own, in memory; the navigator is ours, where a
// person's browser stands for the window.
import { InMemoryWebStorage, OidcClient, UserManager, WebStorageStateStore } from "oidc-client-ts";
import { Person, tell } from "./person.mjs";

const { ISSUER, CLIENT_ID, REDIRECT_URI, SIGNED_OUT } = process.env;

const settings = () => ({
  authority: ISSUER,
  client_id: CLIENT_ID,
  redirect_uri: REDIRECT_URI,
  post_logout_redirect_uri: SIGNED_OUT,
  scope: "openid profile email offline_access",
  loadUserInfo: true,
  automaticSilentRenew: false,
  stateStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
  userStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
});

// The window of `signinRedirect` and `signoutRedirect`: the person goes where the app sends the browser.
class Navigator {
  constructor(person) {
    this.person = person;
  }
  async prepare() {
    return {
      navigate: async ({ url }) => {
        this.arrived = await this.person.walk(url);
        return { url: this.arrived.href };
      },
      close: () => {},
    };
  }
  async callback() {}
}

const manager = async () => {
  const navigator = new Navigator(new Person(ISSUER));
  const users = new UserManager(settings(), navigator);
  await users.signinRedirect({ nonce: "n-0S6_WzA2Mj", url_state: "/reports" });
  const user = await users.signinRedirectCallback(navigator.arrived.href);
  const kept = await users.getUser();
  const renewed = await users.signinSilent(); // by the refresh token
  await users.signoutRedirect({ state: { said: "good-bye" } });
  const left = navigator.arrived.href;
  const out = await users.signoutRedirectCallback(left);
  tell({
    profile: user.profile,
    scope: user.scope,
    state: user.url_state,
    kept: kept.access_token === user.access_token,
    renewed: renewed.access_token !== user.access_token && renewed.refresh_token !== user.refresh_token,
    renewedFor: renewed.profile.sub,
    left,
    out: out.userState,
    then: await users.getUser(),
  });
};

// The parts of it that know the protocol, one by one, and what they refuse.
const client = async () => {
  const parts = new OidcClient(settings());
  const person = new Person(ISSUER);
  const request = await parts.createSigninRequest({ prompt: "login", max_age: 60, state: { from: "here" } });
  const back = await person.walk(request.url);
  const answer = await parts.processSigninResponse(back.href);
  const replay = await parts.processSigninResponse(back.href).catch((error) => error);
  const none = await parts.createSigninRequest({ prompt: "none" });
  const stranger = await new Person(ISSUER).walk(none.url);
  const refusal = await parts.processSigninResponse(stranger.href).catch((error) => error);
  await parts.revokeToken(answer.refresh_token, "refresh_token");
  tell({
    sub: answer.profile.sub,
    email: answer.profile.email,
    state: answer.userState,
    replay: replay.message,
    refusal: refusal.error,
  });
};

await { manager, client }[process.argv[2]]();
