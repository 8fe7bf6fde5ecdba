"""Damage that any file may meet, by a random.Random: the same seed, the same damage."""

EXTREMES = tuple(bytes.fromhex(one) for one in ("00", "01", "7f", "80", "ff", "ffff", "7fffffff", "ffffffff", "00000080", 16 * "0"))


def mutated(data, random):
    """Return the bytes of a file with damage of a kind that is drawn."""
    return random.choice((flipped, cut, spliced, extreme, zeroed, repeated))(data, random)


def flipped(data, random):
    """Flip some bits."""
    damaged = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 8, 64))):
        damaged[random.randrange(len(damaged))] ^= 1 << random.randrange(8)
    return bytes(damaged)


def cut(data, random):
    """Cut the end off."""
    return data[: random.randrange(1, len(data))]


def spliced(data, random):
    """Take a part out of the middle, or put one in from elsewhere."""
    first, second = sorted(random.randrange(len(data)) for _ in range(2))
    return data[:first] + data[second:] if random.random() < 0.5 else data[:second] + data[first:]


def extreme(data, random):
    """Put the largest and smallest numbers into the header."""
    place, value = random.randrange(min(len(data), 256)), random.choice(EXTREMES)
    return data[:place] + value + data[place + len(value) :]


def zeroed(data, random):
    """Fill a part with zeros, as a disk does that lost it."""
    first = random.randrange(len(data))
    count = random.randrange(1, 1 + len(data) - first)
    return data[:first] + bytes(count) + data[first + count :]


def repeated(data, random):
    """Write a part twice."""
    first, second = sorted(random.randrange(len(data)) for _ in range(2))
    return data[:second] + data[first:second] + data[second:]
