import { describeMatrix } from './matrix.ts';
import { describeOnPglite } from './on-both-databases.ts';

describeOnPglite('the matrix of verbs', describeMatrix);
