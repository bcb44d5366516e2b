import type { Log } from '../../core/log.ts';
import type { EffectiveLexicon } from '../../domain/lexicon.ts';
import type { Pack, Pronunciation } from '../../domain/normalization/pack.ts';
import type { Normalizer } from '../../domain/normalization/result.ts';
import { tokenize } from '../../domain/normalization/tokens.ts';
import { isSameLanguage } from './normalize.ts';

/** What the words of a call need of their surroundings. */
interface VocabularyOptions {
  packs: readonly Pack[];
  /** The terms that a person and their tenant have added to a pack. */
  load(pack: string): Promise<EffectiveLexicon>;
  /** Called after each change, with the new normalizers in place. */
  onChange(): void;
  log: Log;
}

/**
 * The packs of a call with the terms of its person and tenant. It begins with the shipped lexicons and takes on the others
 * when they are there; whoever normalizes asks it for the normalizers of the moment.
 */
export class Vocabulary {
  readonly #options: VocabularyOptions;
  readonly #shipped: readonly Normalizer[];
  readonly #lexicons = new Map<string, EffectiveLexicon>();
  #normalizers: readonly Normalizer[];
  #isStale = false;
  #loading: Promise<void> | undefined;

  constructor(options: VocabularyOptions) {
    this.#options = options;
    this.#shipped = options.packs.map((pack) => pack.normalizer());
    this.#normalizers = this.#shipped;
  }

  /** One for each pack, in the order of the packs. */
  get normalizers(): readonly Normalizer[] {
    return this.#normalizers;
  }

  /**
   * Loads the terms again. Calls while that is under way lead to one more round, whatever their number. What can't be loaded
   * stays as it was.
   */
  reload(): Promise<void> {
    this.#isStale = true;
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  /** Loads the terms again unless they are of this version. */
  async follow(version: string): Promise<void> {
    const isCurrent = this.#options.packs.every(({ name }) => this.#lexicons.get(name)?.version === version);
    if (!isCurrent) await this.reload();
  }

  /**
   * Terms to tell a recogniser about, the most useful first: the person's own, then what was said lately, then the tenant's
   * and the shipped ones.
   * @param said what was said lately, as it was written down
   */
  keyTerms(said: readonly string[]): string[] {
    const lexicons = this.#options.packs.flatMap(({ name }) => this.#lexicons.get(name) ?? []);
    const own = lexicons.flatMap(({ user }) => user.map(({ canonical }) => canonical));
    const tenant = lexicons.flatMap((lexicon) => lexicon.tenant.map(({ canonical }) => canonical));
    const others = [...tenant, ...this.#shipped.flatMap((normalizer) => normalizer.keyTerms())];
    const isRecent = occursIn(said);
    return [...new Set([...own.filter(isRecent), ...own, ...others.filter(isRecent), ...others])];
  }

  /** How what is written in a language is said aloud; undefined when no pack is for it. */
  pronunciation(language: string): Pronunciation | undefined {
    return this.#options.packs.find((pack) => isSameLanguage(pack.language, language))?.pronunciation;
  }

  async #load(): Promise<void> {
    while (this.#isStale) {
      this.#isStale = false;
      const areNew = await Promise.all(this.#options.packs.map((pack) => this.#loadOne(pack)));
      if (areNew.includes(true)) this.#apply();
    }
  }

  async #loadOne({ name }: Pack): Promise<boolean> {
    try {
      const lexicon = await this.#options.load(name);
      const isNew = lexicon.version !== this.#lexicons.get(name)?.version;
      this.#lexicons.set(name, lexicon);
      return isNew;
    } catch {
      this.#options.log.warn({ pack: name }, 'the lexicon could not be loaded; the call goes on with what it has');
      return false;
    }
  }

  #apply(): void {
    this.#normalizers = this.#options.packs.map((pack, index) => {
      const lexicon = this.#lexicons.get(pack.name);
      const hasTerms = lexicon && lexicon.user.length + lexicon.tenant.length > 0;
      return hasTerms ? pack.normalizer([lexicon.user, lexicon.tenant]) : (this.#shipped[index] as Normalizer);
    });
    this.#options.onChange();
  }
}

/** Whether a term occurs in what was said, word by word. */
function occursIn(said: readonly string[]): (term: string) => boolean {
  const words = said.map(wordsOf).join('');
  return (term) => words.includes(wordsOf(term));
}

/** The folded words of a text, each between spaces. */
function wordsOf(text: string): string {
  return tokenize(text)
    .map(({ key }) => ` ${key} `)
    .join('');
}
