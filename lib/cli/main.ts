#!/usr/bin/env node
/** The `saturnn` command: runs the words after its name. */
import { runCommand } from './run';

void runCommand(process.argv.slice(2));
