/** One way an affix changes a word: what goes, what comes instead, and the flags of the result. */
interface AffixRule {
  strip: string;
  add: string;
  flags: readonly string[];
  condition: RegExp;
}

/** All rules of one flag. */
interface Affix {
  isPrefix: boolean;
  /** Whether its forms also take affixes of the other kind. */
  combines: boolean;
  rules: AffixRule[];
}

/** A form of a word, and the flags that say what it may be part of. */
export interface WordForm {
  text: string;
  flags: ReadonlySet<string>;
}

/**
 * Every form of every word of a Hunspell dictionary whose flags are two letters (`FLAG long`), one after another. Words that
 * are listed as wrong are left out.
 * @see https://man.archlinux.org/man/hunspell.5
 */
export function* hunspellForms(affixFile: string, dictionaryFile: string): Generator<WordForm> {
  const affixes = readAffixes(affixFile);
  const forbidden = /^FORBIDDENWORD (\S+)/m.exec(affixFile)?.[1] ?? '';
  // The first line is the number of words.
  for (const line of dictionaryFile.split('\n').slice(1)) {
    const [text = '', flags = ''] = (line.split(/\s/, 1)[0] ?? '').split('/');
    const own = splitFlags(flags);
    if (text !== '' && !own.includes(forbidden)) yield* formsOf(text, own, affixes);
  }
}

function* formsOf(text: string, flags: readonly string[], affixes: ReadonlyMap<string, Affix>): Generator<WordForm> {
  const found = flags.map((flag) => affixes.get(flag)).filter((affix) => affix !== undefined);
  const prefixes = found.filter((affix) => affix.isPrefix);
  const stems = [{ text, flags, combines: true }];
  for (const suffix of found) {
    if (suffix.isPrefix) continue;
    for (const rule of suffix.rules) {
      const form = applyRule(rule, text, false);
      if (form !== undefined) stems.push({ text: form, flags: [...flags, ...rule.flags], combines: suffix.combines });
    }
  }
  for (const stem of stems) {
    yield { text: stem.text, flags: new Set(stem.flags) };
    const own = stem.flags.slice(flags.length).map((flag) => affixes.get(flag));
    const further = own.filter((affix) => affix?.isPrefix).filter((affix) => affix !== undefined);
    for (const prefix of [...prefixes, ...further]) {
      if (!stem.combines || !prefix.combines) continue;
      for (const rule of prefix.rules) {
        const form = applyRule(rule, stem.text, true);
        if (form !== undefined) yield { text: form, flags: new Set([...stem.flags, ...rule.flags]) };
      }
    }
  }
}

function applyRule({ strip, add, condition }: AffixRule, text: string, isPrefix: boolean): string | undefined {
  if (!condition.test(text)) return undefined;
  if (isPrefix) return text.startsWith(strip) ? add + text.slice(strip.length) : undefined;
  return text.endsWith(strip) ? text.slice(0, text.length - strip.length) + add : undefined;
}

/** Lines such as `SFX Zb Y 4` (kind, flag, combines, number of rules), then so many as `SFX Zb 0 en/CaCbCp [^eo]`. */
function readAffixes(affixFile: string): Map<string, Affix> {
  const affixes = new Map<string, Affix>();
  for (const line of affixFile.split('\n')) {
    const [kind, flag = '', strip = '', added = '', condition = '.'] = line.trim().split(/\s+/);
    if (kind !== 'SFX' && kind !== 'PFX') continue;
    const isPrefix = kind === 'PFX';
    const affix = affixes.get(flag);
    if (!affix) {
      affixes.set(flag, { isPrefix, combines: strip === 'Y', rules: [] });
      continue;
    }
    const [add = '', flags = ''] = added.split('/');
    const pattern = condition.startsWith('#') || condition.includes(':') ? '.' : condition;
    affix.rules.push({
      strip: strip === '0' ? '' : strip,
      add: add === '0' ? '' : add,
      flags: splitFlags(flags),
      condition: new RegExp(isPrefix ? `^${pattern}` : `${pattern}$`),
    });
  }
  return affixes;
}

function splitFlags(flags: string): string[] {
  return flags.match(/../g) ?? [];
}
