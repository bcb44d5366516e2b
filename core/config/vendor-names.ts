/** What a vendor can do for a call, and which vendors can; an order of them names the first choice first. */
export const vendorNames = {
  stt: ['deepgram', 'deepgram-flux', 'openai', 'sarvam', 'azure'],
  llm: ['anthropic', 'openai', 'openai-chat', 'gemini', 'litellm'],
  tts: ['cartesia', 'openai', 'sarvam', 'azure'],
  realtime: ['openai', 'gemini', 'azure'],
} as const;

/** A port of a call: speech to text, language model, text to speech, or all three in one. */
export type Port = keyof typeof vendorNames;

/** Name of a vendor of a port. */
export type VendorName<P extends Port = Port> = (typeof vendorNames)[P][number];

/** Vendors of each port in the order they are tried; no realtime vendor means that calls are pipelines of the other three. */
export type VendorOrder = { [P in Port]: VendorName<P>[] };

/** Every port. */
export const ports = Object.keys(vendorNames) as Port[];

/** Whether a vendor is known to do what a port needs. */
export function isVendorOf<P extends Port>(port: P, name: string): name is VendorName<P> {
  return (vendorNames[port] as readonly string[]).includes(name);
}

/** What is wrong with a name that `isVendorOf` does not know. */
export function unknownVendor(port: Port, name: string): string {
  return `${name} is not known for ${port}: known are ${vendorNames[port].join(', ')}`;
}
