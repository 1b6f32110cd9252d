"""How training images are varied: the settings, and where each kind comes from. No JAX here.

`training/augment.py` computes it inside of the compiled epoch.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from mnistlab.errors import OptionError, UnknownNameError
from mnistlab.models.spec import parse_spec

NONE = "none"


def _amount(most: float, unit: str, reference: str) -> float:
    metadata = {"most": most, "unit": unit, "reference": reference}
    value: float = field(default=0.0, metadata=metadata)
    return value


_LECUN = "LeCun et al. 1998, https://doi.org/10.1109/5.726791"
_SIMARD = "Simard, Steinkraus & Platt 2003, https://doi.org/10.1109/ICDAR.2003.1227801"


@dataclass(frozen=True)
class Augmentation:
    """The most that an image is changed by: each is drawn evenly from minus that to plus that."""

    shift: float = _amount(8, "whole pixels, each way", _LECUN)
    rotate: float = _amount(45, "degrees", _LECUN)
    scale: float = _amount(0.5, "share of the size, height and width each its own", _LECUN)
    shear: float = _amount(0.7, "pixels across per pixel down", _LECUN)
    elastic: float = _amount(4, "standard deviation of a smooth displacement, pixels", _SIMARD)
    thickness: float = _amount(
        1, "share of a one-pixel thicker or thinner stroke", "Simard et al. 1993, tangent prop"
    )

    @property
    def warps(self) -> bool:
        """Say whether pixels move by other than whole steps."""
        return any((self.rotate, self.scale, self.shear, self.elastic))

    def __bool__(self) -> bool:
        """Say whether anything is changed at all."""
        return bool(self.given())

    def __str__(self) -> str:
        """Write it so that `parse_augmentation` reads it again."""
        return ",".join(f"{name}={value}" for name, value in self.given().items()) or NONE

    def given(self) -> dict[str, float]:
        """Give the amounts other than 0 by name."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in values.items() if value}


AUGMENTATIONS = tuple(each.name for each in fields(Augmentation))
"""What an image can be changed by."""


def parse_augmentation(text: str) -> Augmentation:
    """Read `none`, or amounts as in `shift=2,rotate=10`.

    >>> parse_augmentation("shift=2,rotate=10")
    Augmentation(shift=2, rotate=10, scale=0.0, shear=0.0, elastic=0.0, thickness=0.0)

    Raises OptionError or UnknownNameError.
    """
    if text in ("", NONE):
        return Augmentation()
    known = {each.name: each.metadata for each in fields(Augmentation)}
    options = parse_spec(f"augment:{text}").options
    for name, value in options.items():
        if name not in known:
            raise UnknownNameError("augmentation", name, known)
        most = known[name]["most"]
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 <= value <= most:
            raise OptionError(
                f"augment: {name} is {value}; it must be from 0 to {most:g} ({known[name]['unit']})"
            )
    if options.get("shift", 0) % 1:
        raise OptionError(f"augment: shift is {options['shift']}; whole pixels only")
    return Augmentation(**options)
