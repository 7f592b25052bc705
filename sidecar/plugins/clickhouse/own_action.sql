-- A piece of the statements of the second rollups: whether a person did something themselves in a row of `activity`.
(messages + commands + persona_choices + story_choices + refreshes + clears + continues + payments + other_actions > 0)
