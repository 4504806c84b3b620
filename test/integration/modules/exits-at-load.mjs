/** Ends its process while it is loaded. */
process.exit(9);
