/*
 * What an order costs the engine by itself, for `outcry verify`: the part of a request that is
 * neither network nor codec. It stands here because verify may not know the engine.
 */
#ifndef OC_CLI_ENGINE_COST_H
#define OC_CLI_ENGINE_COST_H

/**
 * Plays the flow pingpong against an engine in this process: a buy that rests, a sell that takes
 * it, for ever. Returns the nanoseconds of one order with its events, the median of rounds; NaN
 * without memory. Caches are warm and the log is read at once, so it is the least that matching
 * takes. About 20 ms, on the CPU that the calling thread is pinned to.
 */
double oc_cli_engine_order_ns(void);

#endif
