/** Tells the time. Injected, so that a test can hold it still or turn it forward. */
export type Clock = () => Date;

/** The machine's own clock. */
export const systemClock: Clock = () => new Date();
