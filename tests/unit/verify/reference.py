#!/usr/bin/env python3
"""reference.py > reference.h - the figures that the tests of verify's statistics are held against.

Needs numpy and scipy (Debian: python3-scipy; made with 1.10.1); the tests need neither, only the
header. What scipy does not have is computed here by another method than the C code uses: the
bootstrap distribution of a median by enumeration instead of resampling, Holm's correction from
sorted values, the levels of the looks by numerical integration.
"""
import math

import numpy
from scipy import optimize, stats

RANDOM = numpy.random.default_rng(20250701)


def number(value):
    return f"{value:.17g}"


def array(name, values):
    print(f"static const double {name}[] = {{")
    texts = [number(value) for value in values]
    for begin in range(0, len(texts), 3):
        print("    " + ", ".join(texts[begin:begin + 3]) + ",")
    print("};")


def constant(name, value):
    print(f"#define {name} {number(value)}")


def bootstrap_atoms(sample):
    """{median: probability} of all resamples of a sample without ties."""
    x = sorted(sample)
    n = len(x)
    atoms = {}
    if n % 2 == 1:
        k = (n + 1) // 2

        def at_most(i):    # of the n values the i lowest
            return stats.binom.sf(k - 1, n, i / n)
        for i in range(1, n + 1):
            atoms[x[i - 1]] = at_most(i) - at_most(i - 1)
        return atoms
    h = n // 2
    ways = math.comb(n, h)
    for i in range(1, n + 1):
        low = (i / n) ** h - ((i - 1) / n) ** h
        for j in range(i + 1, n + 1):
            high = ((n - j + 1) / n) ** h - ((n - j) / n) ** h
            value = 0.5 * (x[i - 1] + x[j - 1])
            atoms[value] = atoms.get(value, 0.0) + ways * low * high
        # Both middle values are x_i: fewer than h below it, fewer than h above it.
        both = 0.0
        for below in range(h):
            for above in range(h):
                both += (math.comb(n, below) * math.comb(n - below, above) *
                         ((i - 1) / n) ** below * ((n - i) / n) ** above *
                         (1 / n) ** (n - below - above))
        atoms[x[i - 1]] = atoms.get(x[i - 1], 0.0) + both
    assert abs(sum(atoms.values()) - 1.0) < 1e-9
    return atoms


def atom_quantile(atoms, share):
    total = 0.0
    for value in sorted(atoms):
        total += atoms[value]
        if total >= share:
            return value
    return max(atoms)


def bca_shares(sample, atoms, level):
    """Which quantiles of the bootstrap distribution BCa takes."""
    n = len(sample)
    estimate = numpy.median(sample)
    below = sum(p for value, p in atoms.items() if value < estimate - 1e-12)
    equal = sum(p for value, p in atoms.items() if abs(value - estimate) <= 1e-12)
    bias = stats.norm.ppf(below + 0.5 * equal)
    without = numpy.array([numpy.median(numpy.delete(sample, i)) for i in range(n)])
    deviation = without.mean() - without
    squares = (deviation ** 2).sum()
    acceleration = (deviation ** 3).sum() / (6.0 * squares ** 1.5) if squares > 0 else 0.0
    shares = []
    for tail in (0.5 * (1 - level), 0.5 * (1 + level)):
        z = bias + stats.norm.ppf(tail)
        shares.append(stats.norm.cdf(bias + z / (1 - acceleration * z)))
    return shares


def bootstrap_reference(name, sample, level):
    """An end must lie between the quantiles at its share plus and minus 0.0066: three standard
    deviations, of 0.0016 for the rank of a resample among 10,000 at 2.5 % and 0.0015 for the bias
    that is estimated from them."""
    atoms = bootstrap_atoms(sample)
    low, high = bca_shares(sample, atoms, level)
    array(name, [atom_quantile(atoms, low - 0.0066), atom_quantile(atoms, low + 0.0066),
                 atom_quantile(atoms, high - 0.0066), atom_quantile(atoms, high + 0.0066)])


def order_interval(sample, level):
    """Interpolated order statistics, by Hettmansperger and Sheather's formula."""
    x = sorted(sample)
    n = len(x)
    covered = [None] + [1 - 2 * stats.binom.cdf(k - 1, n, 0.5) for k in range(1, n // 2 + 1)]
    k = max(k for k in range(1, n // 2 + 1) if covered[k] >= level)
    part = (covered[k] - level) / (covered[k] - covered[k + 1])
    weight = (n - k) * part / (k + (n - 2 * k) * part)
    return [(1 - weight) * x[k - 1] + weight * x[k],
            (1 - weight) * x[n - k] + weight * x[n - k - 1]]


def holm(p):
    order = sorted(range(len(p)), key=lambda i: p[i])
    adjusted = [0.0] * len(p)
    running = 0.0
    for rank, i in enumerate(order):
        running = max(running, (len(p) - rank) * p[i])
        adjusted[i] = min(1.0, running)
    return adjusted


def look_levels(times, error=0.05):
    """Levels of looks at these shares of the information, by the spending function
    error * ln(1 + (e - 1) t), with the density of the path carried from look to look."""
    spent = 0.0
    levels = []
    grid = density = None
    for k, t in enumerate(times):
        target = error * math.log(1 + (math.e - 1) * t) - spent
        spent += target
        if k == 0:
            z = stats.norm.isf(target / 2)
        else:
            step = math.sqrt(t - times[k - 1])

            def crossing(z):
                b = z * math.sqrt(t)
                beyond = stats.norm.sf((b - grid) / step) + stats.norm.cdf((-b - grid) / step)
                return numpy.trapz(density * beyond, grid) - target
            z = optimize.brentq(crossing, 1, 6)
        b = z * math.sqrt(t)
        new_grid = numpy.linspace(-b, b, 4001)
        if k == 0:
            density = stats.norm.pdf(new_grid, scale=math.sqrt(t))
        else:
            density = numpy.array(
                [numpy.trapz(density * stats.norm.pdf(x - grid, scale=step), grid)
                 for x in new_grid])
        grid = new_grid
        levels.append(1 - 2 * stats.norm.sf(z))
    return levels


def main():
    print("/*\n * Figures that tests are held against, written by tests/unit/verify/reference.py"
          f" with\n * numpy {numpy.__version__}. Not to be edited by hand.\n */")
    print("#ifndef OC_TESTS_UNIT_VERIFY_REFERENCE_H\n#define OC_TESTS_UNIT_VERIFY_REFERENCE_H\n")
    print("/* clang-format off */\n")

    print("/* scipy.stats.norm */")
    z = [-8, -3.5, -1.959963984540054, -0.5, 0, 0.1, 1, 2.5, 6]
    array("REFERENCE_Z", z)
    array("REFERENCE_CDF", stats.norm.cdf(z))
    shares = [1e-9, 0.00135, 0.025, 0.5, 0.9, 0.975, 0.999999]
    array("REFERENCE_SHARES", shares)
    array("REFERENCE_QUANTILES", stats.norm.ppf(shares))

    samples = {n: numpy.round(RANDOM.normal(0.02, 0.05, n), 6) for n in (8, 9, 24, 25, 50, 80)}
    for n, sample in samples.items():
        assert len(set(abs(sample))) == n and 0 not in sample
        array(f"REFERENCE_SAMPLE_{n}", sample)

    print("\n/* numpy.quantile, method linear */")
    array("REFERENCE_QUANTILE_SHARES", [0, 0.05, 0.25, 0.5, 0.9, 1])
    array("REFERENCE_QUANTILES_25", numpy.quantile(samples[25], [0, 0.05, 0.25, 0.5, 0.9, 1]))

    print("\n/* scipy.stats.wilcoxon of 8, 24, 50 exact, 80 approximate, ties approximate */")
    array("REFERENCE_WILCOXON",
          [stats.wilcoxon(samples[n], method="exact").pvalue for n in (8, 24, 50)] +
          [stats.wilcoxon(samples[80], method="approx", correction=True).pvalue])
    tied = numpy.round(samples[50], 2)
    array("REFERENCE_TIED_50", tied)
    constant("REFERENCE_WILCOXON_TIED",
             stats.wilcoxon(tied, method="approx", correction=True, zero_method="wilcox").pvalue)

    print("\n/* scipy.stats.mannwhitneyu: 8, 24 exact; 24 + 0.04, 9 exact; 25, 50 asymptotic;"
          "\n * 24 rounded to 0.01, tied 50 asymptotic */")
    array("REFERENCE_MANN_WHITNEY", [
        stats.mannwhitneyu(samples[8], samples[24], method="exact").pvalue,
        stats.mannwhitneyu(samples[24] + 0.04, samples[9], method="exact").pvalue,
        stats.mannwhitneyu(samples[25], samples[50], method="asymptotic").pvalue,
        stats.mannwhitneyu(numpy.round(samples[24], 2), tied, method="asymptotic").pvalue])

    print("\n/* Holm: sorted, multiplied, running maximum */")
    p = [0.01, 0.04, 0.03, 0.005, 0.04, 0.7, 0.0001, 0.04]
    array("REFERENCE_HOLM_P", p)
    array("REFERENCE_HOLM", holm(p))

    print("\n/* scipy.stats.binomtest, exact: hits, trials, level, low, high */")
    print("static const double REFERENCE_PROPORTIONS[][5] = {")
    for hits, trials, level in ((0, 20, 0.95), (20, 20, 0.95), (1, 20, 0.95), (7, 50, 0.9),
                                (25, 1000, 0.95), (999, 1000, 0.99), (3, 8, 0.95)):
        interval = stats.binomtest(hits, trials).proportion_ci(level, method="exact")
        print(f"    {{{hits}, {trials}, {number(level)},\n     {number(interval.low)}, "
              f"{number(interval.high)}}},")
    print("};")

    print("\n/* BCa by enumeration: between which values low and then high must lie */")
    uneven = numpy.concatenate((-samples[50][:11] ** 2, [0.0] * 5, samples[50][11:19] ** 2))
    array("REFERENCE_UNEVEN_24", uneven)
    bootstrap_reference("REFERENCE_BCA_UNEVEN_24", uneven, 0.80)
    for n in (24, 25, 50):
        bootstrap_reference(f"REFERENCE_BCA_{n}", samples[n], 0.95)
    bootstrap_reference("REFERENCE_BCA_24_90", samples[24], 0.90)

    print("\n/* interpolated order statistics: low and high at 95 %, low and high at 90 % */")
    for n in (8, 9):
        array(f"REFERENCE_ORDER_{n}",
              order_interval(samples[n], 0.95) + order_interval(samples[n], 0.90))

    print("\n/* levels of the looks */")
    array("REFERENCE_LOOKS_QUARTERS", look_levels([0.25, 0.5, 1.0]))
    array("REFERENCE_LOOKS_HALVES", look_levels([0.5, 1.0]))
    print("\n/* clang-format on */\n\n#endif")


main()
