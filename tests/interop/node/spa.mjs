// The single-page app of docs/spa.md, in a tab that has no more than it needs: its scripts run as they are served, its
// requests keep to the rules for other origins (Fetch, CORS), and the person goes where it sends the browser.
import { Person, tell } from "./person.mjs";

const { ISSUER, PAGE } = process.env;
const origin = new URL(PAGE).origin;

const storage = () => {
  const kept = new Map();
  return {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, String(value)),
    removeItem: (key) => kept.delete(key),
    key: (index) => [...kept.keys()][index] ?? null,
    get length() {
      return kept.size;
    },
  };
};

const preflights = new Set();

// As a browser: it asks first where that is due, and shows the page no answer that is closed to it.
const fetchFromPage = async (url, options = {}) => {
  const headers = new Headers(options.headers);
  const unusual = [...headers.keys()].filter((name) => !["accept", "content-type"].includes(name));
  if (unusual.length) {
    const asked = {
      origin,
      "access-control-request-method": options.method ?? "GET",
      "access-control-request-headers": unusual.join(","),
    };
    const allowed = await fetch(url, { method: "OPTIONS", headers: asked });
    const names = (allowed.headers.get("access-control-allow-headers") ?? "").toLowerCase();
    if (!allowed.ok || unusual.some((name) => !names.includes(name))) throw new TypeError(`CORS: ${url}`);
    preflights.add(new URL(url).pathname);
  }
  headers.set("origin", origin);
  const answer = await fetch(url, { ...options, headers });
  if (!["*", origin].includes(answer.headers.get("access-control-allow-origin"))) throw new TypeError(`CORS: ${url}`);
  return answer;
};

class Tab {
  session = storage();
  local = storage();
  person = new Person(ISSUER);

  async open(url) {
    const html = await (await fetch(url)).text();
    const elements = new Map(
      [...html.matchAll(/<\w+ id="([^"]+)"([^>]*)/g)].map(([, id, rest]) => [id, { hidden: / hidden/.test(rest) }]),
    );
    const { href, search, pathname } = new URL(url);
    let leave;
    this.left = new Promise((resolve) => (leave = resolve));
    const window = {
      location: { href, search, pathname, origin, assign: leave },
      addEventListener: () => {}, // for a page that is shown again
      history: { replaceState: (_state, _title, path) => (this.shown = path) },
      document: { getElementById: (id) => elements.get(id) },
      sessionStorage: this.session,
      localStorage: this.local,
      fetch: fetchFromPage,
      setInterval: (...given) => setInterval(...given).unref(),
      setTimeout: (...given) => setTimeout(...given).unref(),
      ...{ AbortController, Headers, TextDecoder, TextEncoder, URL, URLSearchParams },
      ...{ atob, btoa, clearInterval, clearTimeout, console, crypto },
    };
    window.window = window.self = window.top = window;
    this.element = (id) => elements.get(id);
    const scripts = [];
    for (const [, source] of html.matchAll(/<script src="([^"]+)"/g)) {
      scripts.push(await (await fetch(new URL(source, PAGE))).text());
    }
    new Function(...Object.keys(window), scripts.join("\n"))(...Object.values(window));
    for (let wait = 0; this.element("who").textContent === undefined && wait < 200; wait++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return this.element("who").textContent;
  }

  // A button, and the page on which the browser arrives in the end.
  async press(id) {
    if (this.element(id).hidden) throw new Error(`${id} is hidden`);
    this.element(id).onclick();
    return (await this.person.walk(await this.left)).href;
  }
}

const tab = new Tab();
const first = await tab.open(PAGE);
const callback = await tab.press("sign-in");
const then = await tab.open(callback);
const [shown, again] = [tab.shown, await tab.open(PAGE)];
const good_bye = await tab.press("sign-out");
tell({ first, then, shown, again, good_bye, after: await tab.open(good_bye), preflights: [...preflights] });
