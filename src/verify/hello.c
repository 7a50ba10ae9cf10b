/*
 * A host's description as JSON and back, by tables of its members.
 */
#include "verify/hello.h"

#include <string.h>

#include "core/assert.h"
#include "verify/control.h"

#define CPUS_MAX 65536U

struct member {
    const char *name;
    size_t offset;
    size_t size; /* of a text */
};

#define TEXT(name)                                            \
    {                                                         \
#name, offsetof(struct oc_verify_environment, name),  \
            sizeof(((struct oc_verify_environment *)0)->name) \
    }
#define REAL(type, name)                                   \
    {                                                      \
#name, offsetof(struct type, name), sizeof(double) \
    }

static const struct member TEXTS[] = {
    TEXT(kernel),        TEXT(cpu),
    TEXT(mitigations),   TEXT(hypervisor),
    TEXT(clock_source),  TEXT(congestion_control),
    TEXT(idle_governor), TEXT(frequency_governor),
    TEXT(io_uring),      TEXT(priority),
    TEXT(version),       TEXT(compiler),
    TEXT(command),       TEXT(time_begin),
    TEXT(time_end),      TEXT(boot_id),
};

static const struct member COSTS[] = {
    REAL(oc_verify_costs, call_ns),   REAL(oc_verify_costs, epoll_wait_ns),
    REAL(oc_verify_costs, read_ns),   REAL(oc_verify_costs, write_ns),
    REAL(oc_verify_costs, switch_ns),
};

static const struct member SPLIT[] = {
    REAL(oc_verify_split, decode_ns),
    REAL(oc_verify_split, encode_ns),
    REAL(oc_verify_split, apply_ns),
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static json_t *environment_json(const struct oc_verify_environment *environment);
static bool environment_read(const json_t *object, struct oc_verify_environment *environment);
static json_t *reals_json(const void *base, const struct member *members, size_t count);
static bool reals_read(const json_t *object, void *base, const struct member *members,
                       size_t count);
static json_t *load_json(const double load[3]);
static bool load_read(const json_t *list, double load[3]);
static json_t *stacks_json(const struct oc_verify_stack_status *stacks);
static bool stacks_read(const json_t *object, struct oc_verify_stack_status *stacks);

json_t *oc_verify__hello_json(const struct oc_verify__hello *hello)
{
    return json_pack(
        "{s:b, s:i, s:o, s:o, s:o, s:o}", "ok", 1, "protocol", OC_VERIFY__CONTROL_PROTOCOL,
        "environment", environment_json(&hello->environment), "costs",
        reals_json(&hello->costs, COSTS, COUNT(COSTS)), "split",
        reals_json(&hello->split, SPLIT, COUNT(SPLIT)), "stacks", stacks_json(hello->stacks));
}

bool oc_verify__hello_read(const json_t *message, struct oc_verify__hello *hello)
{
    *hello = (struct oc_verify__hello){0};
    return environment_read(json_object_get(message, "environment"), &hello->environment) &&
           reals_read(json_object_get(message, "costs"), &hello->costs, COSTS, COUNT(COSTS)) &&
           reals_read(json_object_get(message, "split"), &hello->split, SPLIT, COUNT(SPLIT)) &&
           stacks_read(json_object_get(message, "stacks"), hello->stacks);
}

json_t *oc_verify__hello_end_json(const struct oc_verify_environment *environment)
{
    return json_pack("{s:b, s:o, s:s}", "ok", 1, "load_after", load_json(environment->load_after),
                     "time_end", environment->time_end);
}

bool oc_verify__hello_end_read(const json_t *message, struct oc_verify_environment *environment)
{
    return load_read(json_object_get(message, "load_after"), environment->load_after) &&
           oc_verify__control_text(message, "time_end", environment->time_end,
                                   sizeof(environment->time_end));
}

static json_t *environment_json(const struct oc_verify_environment *environment)
{
    json_t *object = json_pack(
        "{s:I, s:I, s:I, s:o, s:o, s:o}", "cpus_online", (json_int_t)environment->cpus_online,
        "cpus_allowed", (json_int_t)environment->cpus_allowed, "memory_bytes",
        (json_int_t)environment->memory_bytes, "load_before", load_json(environment->load_before),
        "load_after", load_json(environment->load_after), "busy_share",
        oc_verify__control_real_json(environment->busy_share));

    for (size_t i = 0; object != NULL && i < COUNT(TEXTS); i++) {
        const char *text = (const char *)environment + TEXTS[i].offset;
        (void)json_object_set_new(object, TEXTS[i].name, json_string(text));
    }
    return object;
}

static bool environment_read(const json_t *object, struct oc_verify_environment *environment)
{
    uint64_t online;
    uint64_t allowed;
    bool good = oc_verify__control_number(object, "cpus_online", CPUS_MAX, &online) &&
                oc_verify__control_number(object, "cpus_allowed", CPUS_MAX, &allowed) &&
                oc_verify__control_number(object, "memory_bytes", INT64_MAX,
                                          &environment->memory_bytes) &&
                load_read(json_object_get(object, "load_before"), environment->load_before) &&
                load_read(json_object_get(object, "load_after"), environment->load_after) &&
                oc_verify__control_real(object, "busy_share", &environment->busy_share);

    for (size_t i = 0; good && i < COUNT(TEXTS); i++) {
        char *text = (char *)environment + TEXTS[i].offset;
        good = oc_verify__control_text(object, TEXTS[i].name, text, TEXTS[i].size);
    }
    if (good) {
        environment->cpus_online = (uint32_t)online;
        environment->cpus_allowed = (uint32_t)allowed;
    }
    return good;
}

static json_t *reals_json(const void *base, const struct member *members, size_t count)
{
    json_t *object = json_object();

    for (size_t i = 0; i < count; i++) {
        double value;
        memcpy(&value, (const char *)base + members[i].offset, sizeof(value));
        (void)json_object_set_new(object, members[i].name, oc_verify__control_real_json(value));
    }
    return object;
}

static bool reals_read(const json_t *object, void *base, const struct member *members, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double value;
        if (!oc_verify__control_real(object, members[i].name, &value)) {
            return false;
        }
        memcpy((char *)base + members[i].offset, &value, sizeof(value));
    }
    return true;
}

static json_t *load_json(const double load[3])
{
    return json_pack("[fff]", load[0], load[1], load[2]);
}

static bool load_read(const json_t *list, double load[3])
{
    for (size_t i = 0; i < 3; i++) {
        const json_t *value = json_array_get(list, i);
        if (!json_is_number(value)) {
            return false;
        }
        load[i] = json_number_value(value);
    }
    return true;
}

static json_t *stacks_json(const struct oc_verify_stack_status *stacks)
{
    json_t *object = json_object();

    for (uint32_t i = 0; i < OC_VERIFY_STACK_COUNT; i++) {
        (void)json_object_set_new(object, oc_verify_stack_name(i),
                                  json_pack("{s:b, s:s, s:s}", "available", stacks[i].available,
                                            "version", stacks[i].version, "why", stacks[i].why));
    }
    return object;
}

static bool stacks_read(const json_t *object, struct oc_verify_stack_status *stacks)
{
    for (uint32_t i = 0; i < OC_VERIFY_STACK_COUNT; i++) {
        const json_t *stack = json_object_get(object, oc_verify_stack_name(i));
        const json_t *available = json_object_get(stack, "available");
        if (!json_is_boolean(available) ||
            !oc_verify__control_text(stack, "version", stacks[i].version,
                                     sizeof(stacks[i].version)) ||
            !oc_verify__control_text(stack, "why", stacks[i].why, sizeof(stacks[i].why))) {
            return false;
        }
        stacks[i].available = json_is_true(available);
    }
    return true;
}
