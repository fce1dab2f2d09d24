"""Makes every committed file that is derived from another one, or checks that it is fresh."""
