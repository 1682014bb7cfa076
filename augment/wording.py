"""Numbers as people read them: counts, shares, metrics, gains, p-values. One way to write each, everywhere."""

from augment.records import Interval

METRICS = {"macro_f1": "macro-F1", "accuracy": "accuracy"}


def plural(n: int, word: str) -> str:
    """'1 text', '1,203 texts'."""
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def percent(share: float) -> str:
    """'67%' for 0.674."""
    return f"{100 * share:.0f}%"


def format_points(difference: float) -> str:
    """'+9.2' for 0.092; a true minus sign."""
    return f"{round(100 * difference, 1) + 0.0:+.1f}".replace("-", "−")


def format_metric(metric: str, value: float) -> str:
    """'82.9%' for accuracy, '0.73' for macro-F1."""
    return f"{100 * value:.1f}%" if metric == "accuracy" else f"{value:.2f}"


def format_interval(interval: Interval, metric: str) -> str:
    """'0.73 (0.70 to 0.76)', or only the mean if a single run gives no interval."""
    mean, low, high = (format_metric(metric, value) for value in (interval.mean, interval.low, interval.high))
    return mean if interval.n < 2 else f"{mean} ({low} to {high})"


def format_p(p: float) -> str:
    """'< 0.001', '0.034', '0.25', with a space that does not break."""
    return "<\u00a00.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def name_p(p: float) -> str:
    """'p < 0.001', 'p 0.034', with spaces that do not break."""
    return f"p\u00a0{format_p(p)}"
