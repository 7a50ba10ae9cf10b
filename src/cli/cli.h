/*
 * The subcommands of `outcry`: one function and one file each.
 *
 * argv[0] is "outcry NAME", so that argp's messages name the subcommand. Each returns the exit
 * status: 0 done, 1 what was asked failed, 2 the command line was wrong; more where its --help says
 * so.
 */
#ifndef OC_CLI_CLI_H
#define OC_CLI_CLI_H

/** Exit status for a command line that cannot be understood. */
#define OC_CLI_USAGE 2

int oc_cli_serve(int argc, char **argv);
int oc_cli_probe(int argc, char **argv);
int oc_cli_order(int argc, char **argv);
int oc_cli_cancel(int argc, char **argv);
int oc_cli_replace(int argc, char **argv);
int oc_cli_mass_cancel(int argc, char **argv);
int oc_cli_orders(int argc, char **argv);
int oc_cli_book(int argc, char **argv);
int oc_cli_tape(int argc, char **argv);
int oc_cli_load(int argc, char **argv);
int oc_cli_verify(int argc, char **argv);
int oc_cli_echo(int argc, char **argv);

#endif
