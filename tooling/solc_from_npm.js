// npm's solc behind the two calls that forge, ape and py-solc-x make of the native compiler:
//   solc --version
//   solc --standard-json [--base-path DIR] [--include-path DIR] [--allow-paths DIRS]   (JSON on standard input)
// Paths are a help to the native compiler's own file reading; here imports are read below DIR and the include paths.
"use strict";
const fs = require("fs");
const path = require("path");

const args = process.argv.slice(2);
const roots = [];
let standardJson = false;
let version = false;
for (let i = 0; i < args.length; i++) {
  const [name, inline] = args[i].split("=", 2);
  const value = () => (inline === undefined ? args[++i] : inline);
  if (name === "--version") version = true;
  else if (name === "--standard-json") standardJson = true;
  else if (name === "--base-path" || name === "--include-path") roots.push(path.resolve(value()));
  else if (name === "--allow-paths") value();
  else if (name === "-" && args[i] === "-") continue;
  else {
    process.stderr.write(`solc from npm: no such option here: ${args[i]}\n`);
    process.exit(1);
  }
}
if (roots.length === 0) roots.push(process.cwd());

if (version) {
  const solc = require(path.join(__dirname, "..", "node_modules", "solc"));
  const number = solc.version().replace(".Emscripten.clang", "");
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${number}.Emscripten.clang\n`);
} else if (standardJson) {
  const solc = require(path.join(__dirname, "..", "node_modules", "solc"));
  const read = (name) => {
    for (const root of roots) {
      const file = path.resolve(root, name);
      if (fs.existsSync(file)) return { contents: fs.readFileSync(file, "utf8") };
    }
    return { error: `File not found: ${name}, looked below ${roots.join(", ")}` };
  };
  const output = solc.compile(fs.readFileSync(0, "utf8"), { import: read });
  fs.writeFileSync(1, output.endsWith("\n") ? output : `${output}\n`);
} else {
  process.stderr.write("solc from npm: ask for --version or --standard-json\n");
  process.exit(1);
}
