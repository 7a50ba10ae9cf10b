/*
 * Linked into the test programs of the mutants: runs only the test that OC_TEST names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void __attribute__((constructor)) filter_by_environment(void)
{
    const char *name = getenv("OC_TEST");

    if (name != NULL) {
        cmocka_set_test_filter(name);
    }
}
