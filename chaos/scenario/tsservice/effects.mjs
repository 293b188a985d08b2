import * as fs from "node:fs";

// Effects counts side effects by name, in memory and as lines of a file.
export class Effects {
  #fd;
  #count = new Map();
  #note = new Map();

  // An empty path keeps counts in memory only.
  constructor(path) {
    this.#fd = path === "" ? undefined : fs.openSync(path, "a");
  }

  // add performs the side effect once more and returns how often this process has done it.
  add(name) {
    const n = this.bump(name);
    if (this.#fd !== undefined) fs.writeSync(this.#fd, `${name}\n`);
    return n;
  }

  // bump counts in memory alone: for attempts, which are allowed to repeat.
  bump(name) {
    const n = this.get(name) + 1;
    this.#count.set(name, n);
    return n;
  }

  get(name) {
    return this.#count.get(name) ?? 0;
  }

  // first remembers value under name unless something is there, and returns what is.
  first(name, value) {
    if (!this.#note.has(name)) this.#note.set(name, value);
    return this.#note.get(name);
  }
}

// step performs one durable, counted side effect.
export function step(ctx, fx, name) {
  return ctx.run(name, () => fx.add(name));
}
