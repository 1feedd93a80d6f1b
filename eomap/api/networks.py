"""The networks that maps are made with."""


