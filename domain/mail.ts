import { z } from 'zod';

/** A message to one person, in plain text. */
export const mailSchema = z.strictObject({ to: z.email(), subject: z.string().min(1), text: z.string().min(1) });

export type Mail = z.infer<typeof mailSchema>;

/** Takes mail on its way. */
export interface Mailer {
  /**
   * Hands a message over; resolves once it has been taken on.
   * @param id Names the message: the same one sent twice is recognisable as such by whoever receives it.
   * @throws AppError `unavailable` while it is not taken on and trying again may help, `conflict` when it never will be.
   */
  send(id: string, mail: Mail): Promise<void>;
}
