/** What is told of the speaker. */
export interface SarvamTurnListener {
  speechStarted(): void;
  speechEnded(): void;
  /** After the end of the input: the last words came, or none will. */
  allSaid(): void;
}

/** Where what a transcript covers ended, in seconds of the connection's audio. */
export interface Covered {
  endSeconds: number;
  /** Up to here nothing is needed any more. */
  doneSeconds: number;
}

/**
 * How much of the audio before an `END_SPEECH` is kept: it is silence, of which Sarvam waits for 0.5 s, and what is said next
 * may begin in it while the signal is on its way.
 */
const keptSilenceSeconds = 0.3;
/** Transcripts come within a second; one that is this late doesn't come any more. */
const transcriptLateMs = 4_000;
/** After the end of the input: how long Sarvam may take to notice that there was speech, and to say more after a transcript. */
const noticeMs = 2_000;
const moreMs = 300;

/**
 * Makes turns of Sarvam's signals. Each `END_SPEECH` is followed by a transcript, later than the next `START_SPEECH` perhaps;
 * a flush may be answered by a transcript without any signal. Speech ends with its transcript, not before.
 * Positions are seconds of the connection's audio.
 */
export class SarvamTurns {
  readonly #listener: SarvamTurnListener;
  /** Where the utterances ended whose transcripts are still to come. */
  #endSeconds: number[] = [];
  /** Up to where a transcript was asked for. */
  #flushedSeconds: number | undefined;
  /** Between the two signals. */
  #isHeard = false;
  #isSpeaking = false;
  #inputEnded = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(listener: SarvamTurnListener) {
    this.#listener = listener;
  }

  /** Whether a flush has not been answered yet; one that was asked for on a lost connection is to be asked for again. */
  get flushWanted(): boolean {
    return this.#flushedSeconds !== undefined;
  }

  /** A new connection knows nothing of what was said on the one before. */
  connected(): void {
    this.#endSeconds = [];
    this.#isHeard = false;
  }

  /** No transcript comes until there is another connection. */
  disconnected(): void {
    clearTimeout(this.#timer);
    this.#inputEnded = false;
  }

  /** Takes a signal that came when `audioSeconds` had been sent. An end of what a flush has cut off already is nothing new. */
  signal(type: 'START_SPEECH' | 'END_SPEECH', audioSeconds: number): void {
    if (type === 'START_SPEECH') this.startSpeech();
    else if (this.#isHeard) this.#endSeconds.push(audioSeconds);
    this.#isHeard = type === 'START_SPEECH';
    this.#wait();
  }

  /** A transcript of everything up to here was asked for. */
  flush(audioSeconds: number): void {
    this.#flushedSeconds = audioSeconds;
  }

  /** No audio follows, and a transcript of the rest was asked for. */
  endInput(): void {
    this.#inputEnded = true;
    this.#wait();
  }

  /** A transcript came: gives what it covers, if that is known. */
  transcribed(): Covered | undefined {
    const ended = this.#endSeconds.shift();
    if (ended !== undefined) return { endSeconds: ended, doneSeconds: Math.max(0, ended - keptSilenceSeconds) };
    const flushed = this.#flushedSeconds;
    if (flushed === undefined) return undefined;
    this.#isHeard = false;
    return { endSeconds: flushed, doneSeconds: flushed };
  }

  /** There is speech, whether or not it was signalled. */
  startSpeech(): void {
    if (this.#isSpeaking) return;
    this.#isSpeaking = true;
    this.#listener.speechStarted();
  }

  /** A transcript was dealt with: speech is over when it was the last of what was heard. */
  settle(): void {
    if (!this.#isHeard && this.#endSeconds.length === 0) this.#endSpeech();
    this.#wait(moreMs);
  }

  #endSpeech(): void {
    this.#flushedSeconds = undefined;
    if (!this.#isSpeaking) return;
    this.#isSpeaking = false;
    this.#listener.speechEnded();
  }

  /** Gives up what doesn't come. While somebody speaks there is nothing to wait for, unless the input has ended. */
  #wait(quietMs = noticeMs): void {
    clearTimeout(this.#timer);
    const isOwed = this.#endSeconds.length > 0 || (this.#isHeard && this.#inputEnded);
    if (!isOwed && !this.#inputEnded) return;
    this.#timer = setTimeout(() => this.#giveUp(), isOwed ? transcriptLateMs : quietMs);
  }

  #giveUp(): void {
    this.#endSeconds = [];
    if (!this.#isHeard || this.#inputEnded) this.#endSpeech();
    if (this.#inputEnded) this.#listener.allSaid();
  }
}
