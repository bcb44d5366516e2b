import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commands } from '../cli/main.ts';

/** What documents may speak of. */
export interface ProjectFacts {
  /** Every file and folder of the project, from its root, with `/`; no folder ends in one. */
  paths: ReadonlySet<string>;
  /** Scripts of package.json and the command each runs. */
  scripts: Readonly<Record<string, string>>;
  /** Environment variables a document may name. */
  variables: ReadonlySet<string>;
  /** Commands of `parley` and the program behind each, as in `commands` of cli/main.ts. */
  commands: ReadonlyMap<string, string>;
  /** Source text of each program that takes options. */
  sources: ReadonlyMap<string, string>;
}

/** A sentence of a document that isn't true, with the place. */
export interface DocumentFault {
  document: string;
  line: number;
  message: string;
}

/** Variables of the tests, the sandbox, the system and LiveKit's own program: no settings of a deployment. */
const otherVariables = ['REQUIRE_ALL', 'SANDBOX_PORT', 'SANDBOX_LOG', 'NODE_ENV', 'XDG_CACHE_HOME', 'LIVEKIT_CONFIG'];
const generated = ['node_modules', 'dist', 'coverage', '.git', '.parley', '.env'];
const fileEndings = /\w\.(?:[cm]?[jt]s|jsonc?|md|ya?ml|sql|tsv|wav|html|css|sh)$/;

/** Faults of one document. `document` is its path from the root. */
export function checkDocument(document: string, text: string, facts: ProjectFacts): DocumentFault[] {
  const faults: DocumentFault[] = [];
  let fenced = false;
  for (const [index, line] of text.split('\n').entries()) {
    const report = (message: string | undefined) => message && faults.push({ document, line: index + 1, message });
    if (/^\s*(?:```|~~~)/.test(line)) {
      fenced = !fenced;
      continue;
    }
    const code = fenced ? [line] : [...line.matchAll(/`([^`]+)`/g)].map((match) => match[1] as string);
    for (const span of code) {
      for (const message of commandFaults(span, facts)) report(message);
      for (const message of variableFaults(span, fenced, facts)) report(message);
      if (!fenced) report(pathFault(span, facts.paths));
    }
    if (fenced) continue;
    for (const [, target] of line.replace(/`[^`]*`/g, '').matchAll(/\]\(([^)\s]+)[^)]*\)/g)) {
      report(linkFault(target as string, document, facts.paths));
    }
  }
  return faults;
}

/** Faults between `.env.example` and the files of `core/config/`, which must name the same variables. */
export function checkSettings(example: string, config: string): DocumentFault[] {
  const described = variablesOf(example);
  const read = variablesOf(config);
  const fault = (message: string) => ({ document: '.env.example', line: 1, message });
  return [
    ...[...read].filter((name) => !described.has(name)).map((name) => fault(`${name} of core/config/ is missing`)),
    ...[...described].filter((name) => !read.has(name)).map((name) => fault(`core/config/ does not read ${name}`)),
  ];
}

function pathFault(span: string, paths: ReadonlySet<string>): string | undefined {
  // A pattern or a placeholder is as good as the folder before it.
  const path = (span.split(/[*<{]/, 1)[0] as string).replace(/:\d+$/, '');
  const whole = path === span.replace(/:\d+$/, '');
  if (!/^\.?[\w@-][\w@./-]*$/.test(path)) return undefined;
  const first = path.split('/', 1)[0] as string;
  if (generated.includes(first)) return undefined;
  if (!path.includes('/')) {
    const named = !whole || !fileEndings.test(path) || [...paths].some((known) => posix.basename(known) === path);
    return named ? undefined : `no file is called ${path}`;
  }
  if (!paths.has(first) && !fileEndings.test(path)) return undefined;
  const folder = whole ? path.replace(/\/$/, '') : path.slice(0, path.lastIndexOf('/'));
  return paths.has(folder) ? undefined : `${folder} does not exist`;
}

function linkFault(target: string, document: string, paths: ReadonlySet<string>): string | undefined {
  if (/^(?:[a-z]+:|#)/i.test(target)) return undefined;
  const path = posix.normalize(posix.join(posix.dirname(document), target.split('#', 1)[0] as string));
  return paths.has(path.replace(/\/$/, '')) ? undefined : `the link to ${target} leads nowhere`;
}

function* variableFaults(span: string, fenced: boolean, { variables }: ProjectFacts): Generator<string> {
  const found = fenced
    ? [...span.matchAll(/(?:^|\s)([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)=/g)]
    : [...span.matchAll(/^([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=.*)?$/g)];
  for (const [, name] of found) {
    if (!variables.has(name as string)) yield `no setting is called ${name}`;
  }
}

function* commandFaults(span: string, { scripts, commands, sources }: ProjectFacts): Generator<string> {
  for (const [, name = '', rest = ''] of span.matchAll(/\bnpm run (?:-\S+ )*([\w:-]+)([^&|;#]*)/g)) {
    const script = scripts[name];
    if (script === undefined) yield `package.json has no script ${name}`;
    else yield* optionFaults(name, rest.split(' -- ', 2)[1] ?? '', sources.get(programOf(script)));
  }
  for (const [, name = '', rest = ''] of span.matchAll(/(?:^|npx |\$ |[|&;] ?)parley ([a-z][\w-]*)([^&|;#]*)/g)) {
    const program = commands.get(name);
    if (program === undefined) yield `parley has no command ${name}`;
    else yield* optionFaults(`parley ${name}`, rest, sources.get(program));
  }
}

function* optionFaults(name: string, text: string, source = ''): Generator<string> {
  for (const [option] of text.matchAll(/--[a-z][\w-]*/g)) {
    if (option !== '--help' && !source.includes(option)) yield `${name} has no option ${option}`;
  }
}

/** `scripts/demo` for a script that ends in running that file, compiled or not. */
function programOf(script: string): string {
  return /([\w-]+\/[\w-]+)\.[jt]s$/.exec(script)?.[1] ?? '';
}

function variablesOf(text: string): Set<string> {
  return new Set([...text.matchAll(/^[#\s]*([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)[:=]/gm)].map((match) => match[1] as string));
}

function readFacts(root: string): ProjectFacts & { faults: DocumentFault[] } {
  const paths = new Set(walk(root, root));
  const read = (path: string) => readFileSync(join(root, path), 'utf8');
  const example = paths.has('.env.example') ? read('.env.example') : '';
  const config = [...paths]
    .filter((path) => /^core\/config\/.*\.ts$/.test(path))
    .map(read)
    .join('\n');
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(read('package.json'));
  const programs = new Map(Object.entries(commands).map(([name, { program }]) => [name, program]));
  // A program's options may be read in a file beside it: scripts/demo-options.ts belongs to scripts/demo.ts.
  const sourceOf = (program: string): [string, string] => {
    const own = [...paths].filter((path) => path === `${program}.ts` || path.startsWith(`${program}-`));
    return [program, own.map(read).join('\n')];
  };
  return {
    paths,
    scripts,
    variables: new Set([...variablesOf(example), ...variablesOf(config), ...otherVariables]),
    commands: programs,
    sources: new Map([...programs.values(), ...Object.values(scripts).map(programOf)].map(sourceOf)),
    faults: checkSettings(example, config),
  };
}

function* walk(folder: string, root: string): Generator<string> {
  for (const item of readdirSync(folder, { withFileTypes: true })) {
    if (generated.includes(item.name)) continue;
    const path = join(folder, item.name);
    yield relative(root, path).split(sep).join('/');
    if (item.isDirectory()) yield* walk(path, root);
  }
}

/** Checks every document of a project; the entry prints what it returns. */
export function checkProject(root: string): DocumentFault[] {
  const facts = readFacts(root);
  const documents = [...facts.paths].filter((path) => /^(?:[A-Z]+\.md|docs\/.+\.md)$/.test(path)).sort();
  return [
    ...facts.faults,
    ...documents.flatMap((path) => checkDocument(path, readFileSync(join(root, path), 'utf8'), facts)),
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const faults = checkProject(join(dirname(fileURLToPath(import.meta.url)), '..'));
  for (const { document, line, message } of faults) console.error(`${document}:${line}: ${message}`);
  if (faults.length) process.exitCode = 1;
  else console.log('The documents agree with the project.');
}
