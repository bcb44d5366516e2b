import type { DeepgramClient, listen } from '@deepgram/sdk';
import { DeepgramConnection, type OpenOptions, sdkOptions } from './deepgram-connection.ts';

type ListenClient = DeepgramClient['listen']['v1'];
type Socket = Awaited<ReturnType<ListenClient['connect']>>;

/** Query of `/v1/listen`. */
export type ListenQuery = Pick<
  Parameters<ListenClient['connect']>[0],
  | 'channels'
  | 'encoding'
  | 'endpointing'
  | 'interim_results'
  | 'keyterm'
  | 'language'
  | 'model'
  | 'punctuate'
  | 'sample_rate'
  | 'vad_events'
>;

/** Whatever Deepgram says on a connection. */
export type ListenMessage =
  | listen.ListenV1Results
  | listen.ListenV1Metadata
  | listen.ListenV1UtteranceEnd
  | listen.ListenV1SpeechStarted;

/** One connection to `/v1/listen`, which Nova and the models before it serve. */
export class ListenConnection extends DeepgramConnection<Socket, ListenMessage> {
  /**
   * Connects. An abort closes the connection, also later on.
   * @throws APIStatusError when Deepgram refuses (401 and 400 are final, 429 and 5xx worth a retry), APITimeoutError after
   * `timeoutMs`, APIConnectionError when it can't be reached.
   */
  static async open(
    client: DeepgramClient,
    query: ListenQuery,
    { timeoutMs, signal, onMessage }: OpenOptions<ListenMessage>,
  ): Promise<ListenConnection> {
    const socket = await client.listen.v1.connect({ ...query, ...sdkOptions(timeoutMs) });
    const connection = new ListenConnection(socket, onMessage);
    await connection.connect(signal);
    return connection;
  }

  /** Asks for a final transcript of what was sent. */
  finalize(): void {
    if (this.isOpen) this.socket.sendFinalize({ type: 'Finalize' });
  }

  protected override keepAlive(): void {
    this.socket.sendKeepAlive({ type: 'KeepAlive' });
  }
}
