/** An adapter that can find out whether its vendor works again without paying for anything. */
export interface Probed {
  /**
   * Asks the vendor for something free of charge that needs the same key and the same host: a list of models, a handshake.
   * @throws whatever went wrong; nobody is told of it.
   */
  probe(signal: AbortSignal): Promise<void>;
}
