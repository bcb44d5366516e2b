import type { DeepgramClient, listen } from '@deepgram/sdk';
import { APIConnectionError } from '@livekit/agents';
import { DeepgramConnection, type OpenOptions, sdkOptions } from './deepgram-connection.ts';

type FluxClient = DeepgramClient['listen']['v2'];
type Socket = Awaited<ReturnType<FluxClient['connect']>>;

/** Query of `/v2/listen`. */
export type FluxQuery = Pick<
  Parameters<FluxClient['connect']>[0],
  | 'eager_eot_threshold'
  | 'encoding'
  | 'eot_threshold'
  | 'eot_timeout_ms'
  | 'keyterm'
  | 'language_hint'
  | 'model'
  | 'sample_rate'
>;

/** Whatever Flux says on a connection. */
export type FluxMessage =
  | listen.ListenV2Connected
  | listen.ListenV2TurnInfo
  | listen.ListenV2ConfigureSuccess
  | listen.ListenV2ConfigureFailure
  | listen.ListenV2FatalError;

/** How Flux names a message that it does not understand, before it ends the connection. */
const unparsable = 'UNPARSABLE_CLIENT_MESSAGE';

/** One connection to `/v2/listen`. */
export class FluxConnection extends DeepgramConnection<Socket, FluxMessage> {
  #onForcedEndRefused: (() => void) | undefined;

  /**
   * Connects. An abort closes the connection, also later on.
   * @throws APIStatusError when Deepgram refuses (401 and 400 are final, 429 and 5xx worth a retry), APITimeoutError after
   * `timeoutMs`, APIConnectionError when it can't be reached.
   */
  static async open(
    client: DeepgramClient,
    query: FluxQuery,
    { timeoutMs, signal, onMessage }: OpenOptions<FluxMessage>,
  ): Promise<FluxConnection> {
    const socket = await client.listen.v2.connect({ ...query, ...sdkOptions(timeoutMs) });
    const connection: FluxConnection = new FluxConnection(socket, (message) => {
      if (message.type === 'Error') connection.#failed(message.code);
      else onMessage(message);
    });
    await connection.connect(signal);
    return connection;
  }

  /**
   * Ends the turn on what is transcribed so far; without a turn nothing happens. Not every deployment of Flux knows this
   * (developers.deepgram.com/docs/flux/force-end-turn): where it is refused, the connection is closed and `onRefused` called.
   */
  forceEndTurn(onRefused: () => void): void {
    if (!this.isOpen) return;
    this.#onForcedEndRefused = onRefused;
    this.socket.sendForceEndTurn({ type: 'ForceEndTurn' });
  }

  /** Replaces the key terms, from the audio on that follows. */
  configure(keyTerms: readonly string[]): void {
    if (this.isOpen) this.socket.sendConfigure({ type: 'Configure', keyterms: [...keyTerms] });
  }

  /** Flux knows no message for it; any frame counts, and a connection without one is closed after a minute. */
  protected override keepAlive(): void {
    if ('ping' in this.socket && typeof this.socket.ping === 'function') this.socket.ping();
  }

  #failed(code: string): void {
    if (code === unparsable && this.#onForcedEndRefused) {
      this.#onForcedEndRefused();
      this.close();
      return;
    }
    const name = /^[A-Z_]+$/.test(code) ? code : 'unknown error';
    this.fail(new APIConnectionError({ message: `Deepgram ended the connection: ${name}` }));
  }
}
