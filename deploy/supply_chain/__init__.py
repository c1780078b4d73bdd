"""What Parapet is made of, from the lock files: licences, bill of materials, vulnerabilities.

It needs the package registry at most. What could not be looked up is said, and is a failure: it is
never taken for "nothing found".
"""
