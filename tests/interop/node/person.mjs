// A person at a browser, who follows redirects, keeps cookies, signs in, and allows what is asked.

const CHARACTERS = { amp: "&", lt: "<", gt: ">", quot: '"', "#34": '"', "#39": "'" };
const text = (html) => html.replace(/&([a-z]+|#\d+);/g, (written, name) => CHARACTERS[name] ?? written);
const attributes = (tag) =>
  Object.fromEntries([...tag.matchAll(/([a-z-]+)="([^"]*)"/g)].map(([, name, value]) => [name, text(value)]));
const tags = (html, name) =>
  [...html.matchAll(new RegExp(`<${name}\\b([^>]*)>`, "g"))].map(([, tag]) => attributes(tag));

// The forms of a page: where each goes, the fields that are filled in, the values of its buttons.
const forms = (html) =>
  [...html.matchAll(/<form([^>]*)>(.*?)<\/form>/gs)].map(([, head, body]) => ({
    action: attributes(head).action,
    fields: Object.fromEntries(
      tags(body, "input").filter(({ name }) => name).map(({ name, value }) => [name, value ?? ""]),
    ),
    choices: tags(body, "button").flatMap(({ value }) => value ?? []),
  }));

export class Person {
  #cookies = new Map();

  constructor(issuer, username = process.env.USERNAME, password = process.env.PASSWORD) {
    this.origin = new URL(issuer).origin;
    this.typed = { username, password };
    this.saw = []; // what the person pressed
  }

  // Where the browser goes in the end, away from the server; by response_mode=form_post, the form that goes there.
  async walk(url) {
    let answer = await this.#send(new URL(url));
    for (let step = 0; step < 12; step++) {
      if (answer.status === 302 || answer.status === 303) {
        const next = new URL(answer.headers.get("location"), this.origin);
        if (next.origin !== this.origin) return next;
        answer = await this.#send(next);
        continue;
      }
      const html = await answer.text();
      const form = forms(html).find(({ choices }) => choices.includes("signin") || choices.includes("allow"));
      if (form === undefined) {
        const [away] = forms(html);
        if (away && new URL(away.action, this.origin).origin !== this.origin) return away;
        throw new Error(`${answer.status}: ${html}`);
      }
      const choice = form.choices.includes("signin") ? "signin" : "allow";
      this.saw.push(choice);
      const typed = choice === "signin" ? this.typed : {};
      answer = await this.#send(new URL(form.action, this.origin), { ...form.fields, ...typed, choice });
    }
    throw new Error("the server asks and asks");
  }

  async #send(url, form) {
    const headers = { cookie: [...this.#cookies].map((pair) => pair.join("=")).join("; ") };
    if (form) headers.origin = this.origin;
    const answer = await fetch(url, {
      headers,
      redirect: "manual",
      ...(form && { method: "POST", body: new URLSearchParams(form) }),
    });
    for (const line of answer.headers.getSetCookie()) {
      const [pair, ...rest] = line.split("; ");
      const [name, value] = pair.split("=");
      if (rest.includes("Max-Age=0")) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return answer;
  }
}

// What a script found, for the test that runs it.
export const tell = (found) => console.log(JSON.stringify(found));
