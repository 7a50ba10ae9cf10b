/*
 * outcry: the program. Finds the subcommand and hands over to its file.
 */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "core/version.h"

struct subcommand {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *text; /* NULL: not listed, part of another one */
};

static const struct subcommand SUBCOMMANDS[] = {
    {"serve", oc_cli_serve, "run the venue"},
    {"probe", oc_cli_probe, "what this kernel offers io_uring, what would be chosen, and why"},
    {"order", oc_cli_order, "enter one order"},
    {"cancel", oc_cli_cancel, "cancel one order"},
    {"replace", oc_cli_replace, "change the quantity or price of one order"},
    {"mass-cancel", oc_cli_mass_cancel, "cancel all orders of a user, or those of one symbol"},
    {"orders", oc_cli_orders, "show a user's open orders"},
    {"book", oc_cli_book, "show the book of an instrument"},
    {"tape", oc_cli_tape, "print trades as they happen"},
    {"load", oc_cli_load, "load a venue, check every reply, measure"},
    {"verify", oc_cli_verify, "measure network stacks on this host, and decide between them"},
    {"echo", oc_cli_echo, NULL},
};
#define SUBCOMMAND_COUNT (sizeof SUBCOMMANDS / sizeof SUBCOMMANDS[0])

static void print_help(FILE *out);
static void print_version(void);
static int run(const struct subcommand *subcommand, int argc, char **argv);

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return OC_CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        print_version();
        return 0;
    }
    for (size_t i = 0; i < SUBCOMMAND_COUNT; i++) {
        if (strcmp(argv[1], SUBCOMMANDS[i].name) == 0) {
            return run(&SUBCOMMANDS[i], argc - 1, argv + 1);
        }
    }
    (void)fprintf(stderr, "outcry: \"%s\" is no subcommand; `outcry --help` lists them\n", argv[1]);
    return OC_CLI_USAGE;
}

static void print_help(FILE *out)
{
    (void)fputs("Usage: outcry SUBCOMMAND [OPTION...]\n"
                "A trading engine: a limit-order book behind TCP, on io_uring or epoll.\n\n",
                out);
    for (size_t i = 0; i < SUBCOMMAND_COUNT; i++) {
        if (SUBCOMMANDS[i].text != NULL) {
            (void)fprintf(out, "  %-11s %s\n", SUBCOMMANDS[i].name, SUBCOMMANDS[i].text);
        }
    }
    (void)fputs(
        "\n`outcry SUBCOMMAND --help` tells its options. `outcry --version` tells the build.\n"
        "\nTry it:\n"
        "  outcry serve --listen 127.0.0.1:7400 & sleep 1\n"
        "  outcry order buy BTC/USD 10@50000 --user 1\n"
        "  outcry order sell BTC/USD 4@50000 --user 2\n"
        "  outcry book BTC/USD\n",
        out);
}

static void print_version(void)
{
    (void)printf("outcry %s (%s)\nio_uring: %s\n", OC_VERSION, OC_GIT_REVISION,
                 OC_HAVE_LIBURING ? "built in (liburing)" : "not built in: epoll only");
}

static int run(const struct subcommand *subcommand, int argc, char **argv)
{
    static char name[32];
    (void)snprintf(name, sizeof name, "outcry %s", subcommand->name);
    argv[0] = name;
    argp_err_exit_status = OC_CLI_USAGE;
    argp_program_version_hook = NULL;
    return subcommand->run(argc, argv);
}
