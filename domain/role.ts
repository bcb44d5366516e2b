import { z } from 'zod';

/** What a user may be in a tenant. A user may be several; `student` is what a new one is. */
export const roles = ['student', 'teacher', 'clinician', 'operator', 'admin'] as const;

export const roleSchema = z.enum(roles).meta({ id: 'Role' });

export type Role = z.infer<typeof roleSchema>;
