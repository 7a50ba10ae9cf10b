/*
 * The agent: starts and ends servers on its host for a verification on another one.
 *
 * It knows the stacks of stacks.h and runs nothing else: a request names a stack and numbers, never
 * a command. One verification is served at a time, others are refused meanwhile. Whoever reaches
 * its address may start servers, since the control connection is not authenticated: it listens on
 * loopback, unless it is told that another address is meant.
 */
#ifndef OC_VERIFY_AGENT_H
#define OC_VERIFY_AGENT_H

#include <signal.h>
#include <stdbool.h>

struct oc_verify_agent_config {
    const char *listen; /* HOST:PORT */
    bool insecure;      /* also where others than this host reach it */
    const char *tokio;  /* path of the program; NULL: looked for */
    const char *libuv;
    double (*apply_ns)(void); /* measures one order in the engine: calibrate.h; may be NULL */
    const volatile sig_atomic_t *stop; /* not 0: end */
};

/**
 * Serves until *stop. Says on stderr where it listens, and who comes and goes. A server that runs
 * ends with the connection that asked for it: also when that is silent for 5 minutes, or its host
 * vanished for 20 s. Returns the exit status: 0, or with a sentence on stderr 2 if it may not
 * listen there or that is no HOST:PORT, 1 else.
 */
int oc_verify_agent_run(const struct oc_verify_agent_config *config);

#endif
