/** Keys by their letters, each node holding the letters that some key goes on with. A node is a number, 0 the root. */
export class TermTrie {
  /** By node: its letter, its first child, the next child of its parent, and the place of the key that ends there, from 1. */
  readonly #letters: Uint16Array;
  readonly #children: Uint32Array;
  readonly #siblings: Uint32Array;
  readonly #places: Uint32Array;

  constructor(keys: readonly string[]) {
    const mostNodes = keys.reduce((letters, key) => letters + key.length, 1);
    this.#letters = new Uint16Array(mostNodes);
    this.#children = new Uint32Array(mostNodes);
    this.#siblings = new Uint32Array(mostNodes);
    this.#places = new Uint32Array(mostNodes);
    let count = 1;
    for (const [place, key] of keys.entries()) {
      let node = 0;
      for (let at = 0; at < key.length; at += 1) {
        const letter = key.charCodeAt(at);
        let child = this.#child(node, letter);
        if (child === 0) {
          child = count;
          count += 1;
          this.#letters[child] = letter;
          this.#siblings[child] = this.#children[node] ?? 0;
          this.#children[node] = child;
        }
        node = child;
      }
      this.#places[node] = place + 1;
    }
  }

  /** The node that a text leads to, undefined when no key goes on with it. */
  follow(from: number, text: string): number | undefined {
    let node = from;
    for (let at = 0; at < text.length; at += 1) {
      node = this.#child(node, text.charCodeAt(at));
      if (node === 0) return undefined;
    }
    return node;
  }

  /** The place of the key that ends at a node, undefined when there is none. */
  placeAt(node: number): number | undefined {
    const place = this.#places[node] ?? 0;
    return place === 0 ? undefined : place - 1;
  }

  /** Whether there are keys that go on. */
  goesOn(node: number): boolean {
    return (this.#children[node] ?? 0) > 0;
  }

  #child(node: number, letter: number): number {
    let child = this.#children[node] ?? 0;
    while (child > 0 && this.#letters[child] !== letter) child = this.#siblings[child] ?? 0;
    return child;
  }
}
