"""What holds for every property test: a busy machine is not a wrong one."""

from hypothesis import HealthCheck, settings

# Whatever else the profile says that was chosen before (CI's own draws the same examples every time) stays.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
