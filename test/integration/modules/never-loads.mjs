/** Is never loaded. */
await new Promise(() => setInterval(() => undefined, 60_000));
