import type { Command } from 'commander';
import type { Context } from '../context.ts';

/** Adds a command, or a group of them, to the program. */
export type AddCommand = (program: Command, context: (command: Command) => Context) => void;
