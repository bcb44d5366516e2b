/**
 * Lets one event of a kind pass in a while; those that say the same meanwhile are dropped.
 * @param pauseMs from an event to the next one that says the same
 */
export function seldom<Event extends { port: string; from: string; to: string | null }>(
  pauseMs: number,
  tell: (event: Event) => void,
): (event: Event) => void {
  const toldAtMs = new Map<string, number>();
  return (event) => {
    const key = `${event.port} ${event.from} ${event.to}`;
    const nowMs = performance.now();
    if (nowMs - (toldAtMs.get(key) ?? Number.NEGATIVE_INFINITY) < pauseMs) return;
    toldAtMs.set(key, nowMs);
    tell(event);
  };
}
