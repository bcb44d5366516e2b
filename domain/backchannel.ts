/** What people say to show that they are listening, in the languages agents speak; none of it asks for the floor. */
const backchannels = new Set(
  `mhm mm mmm hm hmm hmhm mmhmm uhhuh uh-huh aha ah oh right yeah yep yes ok okay sure indeed
   ja jaja jawel juist precies oke oké hè zeker inderdaad`.split(/\s+/),
);

/** The longest that is still taken for one: "yes yes okay". */
const mostWords = 3;

/** Whether words said over an agent are but a sign of listening: "mhm", "yeah", "ja, precies". */
export function isBackchannel(text: string): boolean {
  const words = text.toLowerCase().match(/[\p{L}\p{N}'-]+/gu) ?? [];
  return words.length > 0 && words.length <= mostWords && words.every((word) => backchannels.has(word));
}
