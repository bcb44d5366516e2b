/** What a document of SSML asks for. */
export interface SpokenText {
  /** What is to be said, without markup. */
  text: string;
  voice: string;
  /** Tag of the language it is said in. */
  language: string;
  /** Multiplier of the speaking rate; 1 without one. */
  rate: number;
}

const document =
  /^<speak version=(["'])1\.0\1 xmlns=(["'])http:\/\/www\.w3\.org\/2001\/10\/synthesis\2[^<>]* xml:lang=(["'])[\w-]+\3>\s*<voice name=(["'])([^"'<>]+)\4>(.*)<\/voice>\s*<\/speak>$/s;
/** A neural voice of the service, the only kind there is: its locale, then its name. */
const voiceName = /^([a-z]{2,3}(?:-[A-Z][A-Za-z0-9]*)+)-\w+(?:Neural|:\w+Neural)$/;
const wrapping = /^<(prosody|lang) ([^<>]*)>(.*)<\/\1>$/s;
const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/**
 * Reads the part of SSML that is spoken here: one voice, in it `prosody` with a rate and `lang`, in it text. Undefined for
 * whatever else, which the service would refuse or this voice can't speak.
 */
export function parseSsml(ssml: string): SpokenText | undefined {
  const [, , , , , voice = '', content = ''] = document.exec(ssml) ?? [];
  const locale = voiceName.exec(voice)?.[1];
  if (!locale) return undefined;
  let [text, language, rate] = [content, locale, 1];
  for (let inner = wrapping.exec(text); inner; inner = wrapping.exec(text)) {
    const [, name, attributes = '', within = ''] = inner;
    const value = /^(?:xml:lang|rate)=(["'])([^"']+)\1$/.exec(attributes)?.[2];
    if (!value) return undefined;
    if (name === 'lang') language = value;
    else rate = Number(value);
    text = within;
  }
  if (!(rate >= 0.5 && rate <= 2) || /[<>]|&(?!(amp|lt|gt|quot|apos);)/.test(text)) return undefined;
  return { text: text.replace(/&(\w+);/g, (_, name: string) => entities[name] ?? ''), voice, language, rate };
}
