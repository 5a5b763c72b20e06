// `npm start`: installs what is missing, then runs the demo, or whatever stands behind `--`.
import { run } from './countersign.js';
import { installMissing } from './install.js';

installMissing();
const args = process.argv.slice(2);
run(args.length > 0 ? args : ['up', '--demo']);
