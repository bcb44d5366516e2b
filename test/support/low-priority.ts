import { constants, setPriority } from 'node:os';

// Two checkouts of one machine may be tested at once. These tests only take longer for it; live ones measure.
setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
