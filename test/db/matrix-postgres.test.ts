import { describeMatrix } from './matrix.ts';
import { describeOnPostgres } from './on-both-databases.ts';

describeOnPostgres('the matrix of verbs', describeMatrix);
