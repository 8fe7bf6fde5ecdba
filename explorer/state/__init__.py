"""The state of a page: what is looked at and what is asked for, a HasTraits a subject. No widgets, no pixels."""
