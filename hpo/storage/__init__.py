"""A team's store: files that outlive a machine, by their digest, in a folder or a bucket."""
