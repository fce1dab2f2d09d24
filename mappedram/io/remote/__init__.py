"""Objects on other hosts and in object stores, which are read in ranges through fsspec.

`address` tells a URL from a path, `opening` finds the way to read one: over HTTP (`http`), from S3
(`s3`), in a ZIP archive (`archive`), or through any other file system of fsspec (`files`). Each way
is a `Ranges`, which fetches one range with one request. `source` is the source made of it, with
the pieces that were fetched (`pieces`), the pieces to fetch next (`plan`), and what is tried again
(`retrying`). fsspec is imported where a URL is opened, and nowhere else. What is worth fetching
ahead belongs to the readers, which tell the source.
"""
