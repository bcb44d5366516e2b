/**
 * Imported before the native room client by programs whose standard output is read by others: outside production that client
 * writes its own log there, whatever level is asked for.
 */
process.env.NODE_ENV = 'production';
