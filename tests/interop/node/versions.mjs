// Which versions there are of the packages that the tests use, each imported once.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const versions = {};
for (const name of Object.keys(require("./package.json").dependencies)) {
  await import(name);
  versions[name] = require(`${name}/package.json`).version;
}
console.log(JSON.stringify(versions));
