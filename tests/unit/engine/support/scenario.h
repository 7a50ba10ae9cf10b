/*
 * A small venue that tests talk to as one writes a blotter.
 *
 *     buy(1, 101, 5);        expect("s1 confirmed #1 5@101");
 *     sell(2, 100, 3);       expect("trade 3@101 #1 #2");
 *     expect_book("2@101 x1 | ");
 *
 * User N acts in session N, which opens by itself before its first command. Every event of a
 * command must be expected before the next command, in order, or the test fails and prints what
 * came. After each command the whole engine is audited unless the test turns that off. Memory is
 * sealed: an allocation after start fails the test.
 */
#ifndef OC_TESTS_ENGINE_SCENARIO_H
#define OC_TESTS_ENGINE_SCENARIO_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/internal.h"
#include "unit/engine/support/text.h"

struct scenario_options {
    struct oc_limits limits; /* members that are 0 become roomy */
    bool without_first_use;  /* instruments only by command */
    bool without_audit;
    uint32_t log_capacity; /* 0: 4096 */
    uint64_t hash_seed;
};

/** What `enter` takes; members left out are user 1, session of the user, AAA, buy, limit GTC. */
struct scenario_order {
    uint64_t user;
    uint32_t session; /* slot, if not the user's */
    const char *symbol;
    enum oc_side side;
    int64_t price;
    uint64_t qty;
    bool ioc;
    const char *id;
    uint64_t request; /* request_id, 0: none */
    bool by_venue;
};

void scenario_begin(const struct scenario_options *options);
void scenario_end(void);
struct oc_engine *scenario_engine(void);
/** The events of the last command, expected or not. */
uint32_t scenario_events(const struct oc_event **events);
/** How often the last command was put by for want of room in the log. */
uint32_t scenario_waits(void);

/** For cmocka_unit_test_setup_teardown: a venue with default options. */
int scenario_setup(void **state);
int scenario_teardown(void **state);

/** Every event of the last command as lines; none may be left out. */
#define expect(...) scenario_expect(__FILE__, __LINE__, __VA_ARGS__, (const char *)NULL)
void scenario_expect(const char *file, int line, ...);
/** The last command told this among other things; the rest is passed over. */
#define expect_among(text) scenario_expect_among(__FILE__, __LINE__, text)
void scenario_expect_among(const char *file, int line, const char *text);
/** Pass over what the last command told. */
void ignore(void);

/** Each returns the id of the last order that was accepted. */
uint64_t enter(const struct scenario_order *order);
#define ENTER(...) enter(&(struct scenario_order){__VA_ARGS__})
uint64_t buy(uint64_t user, int64_t price, uint64_t qty);
uint64_t sell(uint64_t user, int64_t price, uint64_t qty);
uint64_t buy_ioc(uint64_t user, int64_t price, uint64_t qty);
uint64_t sell_ioc(uint64_t user, int64_t price, uint64_t qty);

void cancel(uint64_t user, uint64_t order_id);
void replace(uint64_t user, uint64_t order_id, int64_t price, uint64_t open_qty);
void replace_total(uint64_t user, uint64_t order_id, int64_t price, uint64_t total_qty);
void mass_cancel(uint64_t user);
void mass_cancel_of(uint64_t user, const char *symbol, const char *side);
void open_orders(uint64_t user);
void open_session(uint32_t slot);
void close_session(uint32_t slot);
/** Settings of session `slot`: which are given, and which of them are on. */
void settings(uint32_t slot, uint32_t given, uint32_t values);
void reports_on(uint32_t slot);
/** Makes an instrument; members of the specification that are 0 become the widest. */
void instrument(const char *symbol, const struct oc_command_instrument *spec);

/** "5@101 x1, 3@100 x2 | 4@102 x1": bids best first, then offers best first. Tells nothing. */
#define expect_book(text)            scenario_expect_book(__FILE__, __LINE__, "AAA", text)
#define expect_book_of(symbol, text) scenario_expect_book(__FILE__, __LINE__, symbol, text)
void scenario_expect_book(const char *file, int line, const char *symbol, const char *text);

/** Any command; session and user are taken from it, sequence and time are stamped. */
void apply(const struct oc_command *command);

/** The command of user N in its session N, opened when it is not; for apply(). */
struct oc_command command_of(uint64_t user, enum oc_command_kind kind);

/** Whether `call` fails an assertion. */
#define asserts(call)                                                                  \
    (scenario_assertion_begin(), setjmp(scenario_assertion_exit) == 0                  \
                                     ? ((void)(call), scenario_assertion_end(), false) \
                                     : true)
extern jmp_buf scenario_assertion_exit;
void scenario_assertion_begin(void);
void scenario_assertion_end(void);

struct oc_symbol symbol_of(const char *text);

#endif
