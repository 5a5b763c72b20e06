import { colour } from '../../src/cli/output.ts';

// Shows on a terminal of its own what colour a command would have.
process.stdout.write(colour('bold', 'text'));
